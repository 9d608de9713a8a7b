import { MessageChannel, receiveMessageOnPort, Worker, type WorkerOptions } from 'node:worker_threads';
import { epochOfHrtime } from '../clock.js';
import { Claims } from '../protocol/claims.js';
import { type ThreadSetup, unreadable } from '../protocol/setup.js';
import type { OpenChannel } from './channel.js';
import { threadEntry } from './entries.js';
import { Tail } from './tail.js';

/** Slots with a claim, besides one for each task that runs: for what is held, updates and iterations. */
const CLAIMS = 4096;

/** How to start threads with these options. */
export function threads(concurrency: number, options: WorkerOptions): OpenChannel {
  return (listener, workerId) => {
    const claims = Claims.create(concurrency + CLAIMS);
    const { port1: port, port2 } = new MessageChannel();
    const worker = new Worker(threadEntry, options);
    const setup: ThreadSetup = { concurrency, workerId, epoch: epochOfHrtime(), words: claims.words };
    worker.postMessage({ ...setup, port: port2 }, [port2]);

    const stderr = new Tail();
    let cause: unknown;
    worker.stderr.on('data', (chunk: Uint8Array) => stderr.write(chunk));
    worker.on('error', (error) => {
      cause = error;
    });
    /** False when there is nothing more. */
    const receiveLast = (): boolean => {
      try {
        const last = receiveMessageOnPort(port);
        if (last === undefined) return false;
        listener.message(last.message);
      } catch (error) {
        cause ??= unreadable(error);
      }
      return true;
    };
    worker.once('exit', (exitCode) => {
      // What it had posted may not have been delivered yet.
      while (receiveLast()) {}
      port.close();
      listener.exited({ exitCode, stderr: stderr.toString(), cause });
    });
    port.on('message', (message) => listener.message(message));
    port.on('messageerror', (error) => {
      cause ??= unreadable(error);
      void worker.terminate();
    });
    // The queue keeps the program alive as long as it waits for something; an idle thread must not.
    port.unref();
    worker.unref();

    return {
      claims,
      probe: structuredClone,
      // Even an empty transfer list costs a good deal.
      post: (message, transfer) =>
        transfer === undefined ? port.postMessage(message) : port.postMessage(message, transfer),
      kill: () => {
        void worker.terminate();
      },
    };
  };
}
