import { messageOf } from '../errors.js';

/** The first message to a process: what its runner is to be. */
export interface ProcessSetup {
  readonly concurrency: number;
  readonly workerId: number;
  /** When `process.hrtime`, whose count all of a machine share, began to count: epoch milliseconds by the parent's clock. */
  readonly epoch: number;
}

/** The file descriptor of a process' channel to its parent, after stdin, stdout and stderr. */
export const CHANNEL = 3;

/** The first message to a thread. With it comes the port for all others. */
export interface ThreadSetup extends ProcessSetup {
  /** The words of the claims shared with the parent. */
  readonly words: Int32Array;
}

/** Why a thread or process that can't read what was sent to it, or can't be read itself, is given up. */
export function unreadable(cause: unknown): Error {
  return new Error(`a message can't be read: ${messageOf(cause)}`, { cause });
}
