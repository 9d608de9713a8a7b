// A server of its own: `node server.mjs OPTIONS`, ended by SIGTERM.
import { AsyncWorker, ThreadWorker } from 'niceq';
import { serve } from 'niceq/bullmq';

const { threads = 0, places = 1, hasBrokenLogger = false, timeout, ...options } = JSON.parse(process.argv[2]);
const workers = Array.from({ length: threads }, () => new ThreadWorker());
if (workers.length === 0) workers.push(new AsyncWorker({ concurrency: places }));

if (hasBrokenLogger) {
  const write = () => {
    throw new Error('The disk is full');
  };
  options.logger = { debug: write, info: write, warn: write, error: write };
  process.on('uncaughtException', () => {});
}

const server = await serve({ ...options, workers });
process.once('SIGTERM', () => server.close({ timeout }));
process.send('ready');
process.disconnect();
