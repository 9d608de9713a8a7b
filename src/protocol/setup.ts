import type { Message } from './messages.js';

/** The first message to a process: what its runner is to be. */
export interface ProcessSetup {
  readonly concurrency: number;
  readonly workerId: number;
}

/** The first message to a thread. With it comes the port for all others. */
export interface ThreadSetup extends ProcessSetup {
  /** The words of the claims shared with the parent. */
  readonly words: Int32Array;
}

/** How messages travel between processes, so that they can't be taken for what tasks send to each other. */
export interface ProcessMessage {
  readonly niceq: Message;
}
