import { type MessagePort, parentPort } from 'node:worker_threads';
import { Claims } from '../protocol/claims.js';
import type { ThreadSetup } from '../protocol/setup.js';
import { setClock } from './clock.js';
import { Runner } from './runner.js';

// Tasks may use parentPort for themselves: after this one message it is theirs.
parentPort?.once('message', ({ port, concurrency, workerId, epoch, words }: ThreadSetup & { port: MessagePort }) => {
  parentPort?.unref();
  setClock(epoch);
  const runner = new Runner(
    {
      // Even an empty transfer list costs a good deal.
      post: (message, transfer) =>
        transfer === undefined ? port.postMessage(message) : port.postMessage(message, transfer),
      probe: structuredClone,
      memory: () => {
        const { heapUsed, external } = process.memoryUsage();
        return heapUsed + external;
      },
      exit: () => process.exit(0),
    },
    { concurrency, workerId, claims: new Claims(words) },
  );
  port.on('message', (message) => runner.receive(message));
  port.on('messageerror', (error) => runner.unreadable(error));
  process.on('uncaughtExceptionMonitor', (error) => runner.crashed(error));
  runner.start();
});
