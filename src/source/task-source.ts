/** A task that a source gives: a function without arguments. A promise it returns is awaited; its value means nothing. */
export type SourceTask = () => unknown;

/**
 * Where tasks come from that have to be asked for: a database, a directory, a remote server. A source asks only
 * between `start` and `stop`, and tells its consumer what it found.
 *
 * @example
 * ```ts
 * import type { MessagePort } from 'node:worker_threads';
 *
 * class Mailbox implements TaskSource {
 *   #consumer: TaskConsumer | null = null;
 *
 *   constructor(port: MessagePort) {
 *     port.on('message', (mail: string) => this.#consumer?.taskStarted(() => answer(mail)));
 *   }
 *
 *   start(consumer: TaskConsumer) {
 *     this.#consumer = consumer;
 *   }
 *
 *   async stop() {
 *     this.#consumer = null;
 *     return true;
 *   }
 * }
 * ```
 */
export interface TaskSource {
  /** Begins to look for tasks, for this consumer from now on; at once, also if it was looking already. */
  start(consumer: TaskConsumer): void;
  /**
   * Looks for no more tasks. What it was just about to find may still come.
   * @returns when nothing more comes: true, or false if the source was started again meanwhile.
   */
  stop(): Promise<boolean>;
}

/** Who a source tells what it found. It may start and stop the source from within. */
export interface TaskConsumer {
  /** There is a task, which the consumer runs. The source asks for the next one when it is started again, or in time. */
  taskStarted(task: SourceTask): void;
  /** There is none at the moment. */
  noTasksFound(): void;
  /** Looking for one failed. */
  taskProductionFailed(error: unknown): void;
}
