import { type SpawnOptions, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { epochOfHrtime } from '../clock.js';
import type { WorkerLoss } from '../errors.js';
import { cloneByFrame, FrameReader, frame } from '../protocol/frames.js';
import { CHANNEL, type ProcessSetup, unreadable } from '../protocol/setup.js';
import type { Channel, OpenChannel } from './channel.js';
import { processEntry } from './entries.js';
import { Tail } from './tail.js';

/** How long a dead process' stderr may stay open (its own children may hold it), in milliseconds. */
const LAST_WORDS = 100;

/** The channel to a process that was not started. */
const nowhere: Channel = { claims: null, probe: cloneByFrame, post: () => {}, kill: () => {} };

/** How spawn fails when the working directory is none, or not to be entered. */
const NO_DIRECTORY: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'EACCES'];

/** Node names only the program it could not start, also when it is the working directory that is missing. */
function startError(error: NodeJS.ErrnoException, { cwd }: SpawnOptions): Error {
  if (cwd === undefined || !NO_DIRECTORY.includes(error.code)) return error;
  return new Error(`${error.message}, with the \`cwd\` ${String(cwd)}: is that a directory?`, { cause: error });
}

/** How to start processes with these options. Their `stdio` has a pipe for the channel. */
export function processes(
  concurrency: number,
  execArgv: readonly string[],
  options: SpawnOptions & { readonly stdio: unknown[] },
): OpenChannel {
  return (listener, workerId) => {
    const child = spawn(process.execPath, [...execArgv, fileURLToPath(processEntry)], options);
    const stderr = new Tail();
    const loss: WorkerLoss = {};
    // Nothing comes any more when it has exited, the channel is empty, and what it wrote to stderr has been read.
    const open = new Set(child.stderr ? ['exit', 'channel', 'stderr'] : ['exit', 'channel']);
    const closed = (what: string) => {
      if (open.delete(what) && open.size === 0) listener.exited({ ...loss, stderr: stderr.toString() });
    };
    child.on('error', (error) => {
      // One that could not be started neither exits nor closes its channel.
      const hasStarted = child.pid !== undefined;
      loss.cause ??= hasStarted ? error : startError(error, options);
      if (!hasStarted) for (const what of [...open]) closed(what);
    });
    // Without file descriptors left it has no pipes: the error that says so follows.
    const socket = child.stdio?.[CHANNEL] as Socket | undefined;
    if (socket === undefined) return nowhere;
    socket.write(frame({ concurrency, workerId, epoch: epochOfHrtime() } satisfies ProcessSetup));

    child.stderr?.on('data', (chunk: Uint8Array) => {
      stderr.write(chunk);
      process.stderr.write(chunk);
    });
    child.once('exit', (exitCode, signal) => {
      Object.assign(loss, { exitCode, signal });
      closed('exit');
      if (open.has('stderr')) setTimeout(() => closed('stderr'), LAST_WORDS).unref();
    });
    socket.once('close', () => closed('channel'));
    child.stderr?.once('close', () => closed('stderr'));
    // Failing because it is about to exit is told by its exit.
    socket.on('error', () => {});
    const reader = new FrameReader({
      message: (message) => listener.message(message),
      unreadable: (error) => {
        loss.cause ??= unreadable(error);
        socket.destroy();
        child.kill('SIGKILL');
      },
    });
    socket.on('data', (chunk) => reader.read(chunk));
    // The queue keeps the program alive as long as it waits for something; an idle process must not.
    child.unref();
    socket.unref();
    (child.stderr as Socket | null)?.unref();
    (child.stdout as Socket | null)?.unref();

    return {
      claims: null,
      probe: cloneByFrame,
      post: (message) => void socket.write(frame(message)),
      kill: () => void child.kill('SIGKILL'),
    };
  };
}
