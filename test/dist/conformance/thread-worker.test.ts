import { ThreadWorker } from 'niceq';
import { describe } from 'vitest';
import { conformance } from './conformance.js';

describe('A ThreadWorker', () => {
  conformance((options) => new ThreadWorker({ graceful: 10_000, ...options }), {
    kind: 'thread',
    home: 'thread',
    loadsModules: true,
  });
});
