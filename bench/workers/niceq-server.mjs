// @ts-check
import { serve } from '../../dist/bullmq.js';
import { AsyncWorker } from '../../dist/index.js';

const [port, concurrency] = process.argv.slice(2).map(Number);
await serve({
  name: 'niceq',
  connection: `redis://127.0.0.1:${port}`,
  modules: { tasks: new URL('./tasks.mjs', import.meta.url) },
  workers: [new AsyncWorker({ concurrency: /** @type {number} */ (concurrency) })],
});
process.send?.('ready');
