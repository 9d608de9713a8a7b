import type { QueueEvents } from '../queue/events.js';
import type { Task } from '../queue/task.js';
import type { Desk } from '../scheduling/seat.js';
import type { IWorker } from '../workers/worker.js';
import type { KeptUpdate } from './updates.js';

interface Heard {
  readonly queued: boolean;
  readonly started: boolean;
  readonly done: boolean;
}

/** What a handler needs of its queue. */
export interface HandlerHost {
  emit<E extends keyof QueueEvents>(event: E, ...payload: QueueEvents[E]): boolean;
  /** Which of the events that every task has are listened to. */
  readonly heard: Heard;
  /** Calls a listener of the user's, who may throw. */
  guard(call: () => void): void;
  /** A task that is run directly on a worker. */
  directTask(call: Pick<KeptUpdate, 'fn' | 'args' | 'series'>): Task;
  /** A task has ended. */
  settled(task: Task, outcome: unknown): void;
  /** All that could be assigned has been. */
  roundEnded(): void;
}

/** Hires workers as they are needed. */
export interface Recruiter {
  /** A task was submitted. */
  submitted(): void;
  /** All that could be assigned has been; `hasMore` tells whether something waits that some worker may run. */
  roundEnded(hasMore: boolean): void;
  /** Where those that it hires belong. */
  readonly desk: Desk;
  /** What workers that could still be hired would run at a time. */
  readonly vacancy: number;
  /** Hires at once as many as there always are. Resolves when they have started. */
  startMinimum(): Promise<void>;
  /** A worker is gone. */
  departed(worker: IWorker): void;
}
