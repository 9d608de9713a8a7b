import { deserialize, serialize } from 'node:v8';
import type { ProcessMessage, ProcessSetup } from '../protocol/setup.js';
import { Runner } from './runner.js';

// Ctrl-C reaches the whole process group; the parent shuts down in order, and this process with it.
process.on('SIGINT', () => {});

// Without its parent nobody wants the results any more.
process.on('disconnect', () => process.exit(0));

process.once('message', ({ concurrency, workerId }: ProcessSetup) => {
  const runner = new Runner(
    {
      post: (message) => process.send?.({ niceq: message } satisfies ProcessMessage),
      probe: (value) => deserialize(serialize(value)),
      memory: () => process.memoryUsage.rss(),
      exit: () => process.exit(0),
    },
    { concurrency, workerId, claims: null },
  );
  // Tasks may use process.send() for themselves, so ours are marked.
  process.on('message', (message: Partial<ProcessMessage>) => {
    if (message?.niceq !== undefined) runner.receive(message.niceq);
  });
  process.on('uncaughtExceptionMonitor', (error) => runner.crashed(error));
  runner.start();
});
