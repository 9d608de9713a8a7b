import { Socket } from 'node:net';
import { cloneByFrame, FrameReader, frame } from '../protocol/frames.js';
import type { Message } from '../protocol/messages.js';
import { CHANNEL, type ProcessSetup } from '../protocol/setup.js';
import { setClock } from './clock.js';
import { Runner } from './runner.js';

// Ctrl-C reaches the whole process group; the parent shuts down in order, and this process with it.
process.on('SIGINT', () => {});

const socket = new Socket({ fd: CHANNEL });
// Without its parent nobody wants the results any more.
socket.on('error', () => process.exit(0));
socket.on('close', () => process.exit(0));

function begin({ concurrency, workerId, epoch }: ProcessSetup): Runner {
  setClock(epoch);
  const runner = new Runner(
    {
      post: (message) => void socket.write(frame(message)),
      probe: cloneByFrame,
      memory: () => process.memoryUsage.rss(),
      exit: () => process.exit(0),
    },
    { concurrency, workerId, claims: null },
  );
  process.on('uncaughtExceptionMonitor', (error) => runner.crashed(error));
  process.on('exit', () => runner.ends());
  runner.start();
  return runner;
}

let runner: Runner | null = null;
const reader = new FrameReader({
  message: (message) => {
    if (runner === null) runner = begin(message as ProcessSetup);
    else runner.receive(message as Message);
  },
  unreadable: (error) => runner?.unreadable(error),
});
socket.on('data', (chunk) => reader.read(chunk));
