import type { Transferable } from 'node:worker_threads';
import type { WorkerLoss } from '../errors.js';
import type { Claims } from '../protocol/claims.js';
import type { CloneProbe } from '../protocol/error-record.js';
import type { Message } from '../protocol/messages.js';

/** One thread or process, seen from the parent: something to talk to, until it exits. */
export interface Channel {
  /** Who may have a task that it holds; null where memory can't be shared. */
  readonly claims: Claims | null;
  /** Throws if the channel can't carry the value. */
  readonly probe: CloneProbe;
  /** Sends a message, or throws what structured clone throws. */
  post(message: Message, transfer?: readonly Transferable[]): void;
  /** Ends it at once; `exited` follows. */
  kill(): void;
}

/** Who listens to a channel. */
export interface ChannelListener {
  message(message: unknown): void;
  /** Nothing comes any more. Is called once, after the last message. */
  exited(loss: WorkerLoss): void;
}

/** Starts a thread or process. May throw. */
export type OpenChannel = (listener: ChannelListener, workerId: number) => Channel;
