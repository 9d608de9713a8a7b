// @ts-check
import { Worker } from 'bullmq';
import { increment } from './tasks.mjs';

const [port, concurrency] = process.argv.slice(2).map(Number);
const connection = { host: '127.0.0.1', port: /** @type {number} */ (port), maxRetriesPerRequest: null };
const worker = new Worker('bare', async ({ data }) => increment(data.n), {
  connection,
  concurrency: /** @type {number} */ (concurrency),
});
await worker.waitUntilReady();
process.send?.('ready');
