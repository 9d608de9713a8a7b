import { describe } from 'vitest';
import { conformance } from './conformance.js';
import { CustomWorker } from './custom-worker.js';

describe('A worker of the user', () => {
  conformance((options) => new CustomWorker(options), { kind: 'custom', home: 'main thread', loadsModules: false });
});
