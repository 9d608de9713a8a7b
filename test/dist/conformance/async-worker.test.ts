import { AsyncWorker } from 'niceq';
import { describe } from 'vitest';
import { conformance } from './conformance.js';

describe('An AsyncWorker', () => {
  conformance((options) => new AsyncWorker(options), { kind: 'async', home: 'main thread', loadsModules: true });
});
