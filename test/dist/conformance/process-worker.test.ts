import { ProcessWorker } from 'niceq';
import { describe } from 'vitest';
import { conformance } from './conformance.js';

describe('A ProcessWorker', () => {
  conformance((options) => new ProcessWorker({ graceful: 10_000, ...options }), {
    kind: 'process',
    home: 'process',
    loadsModules: true,
  });
});
