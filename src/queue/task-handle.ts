export type TaskState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/**
 * A task in the hands of whoever submitted it. Times are epoch milliseconds with fractions, taken where the task runs.
 *
 * @example
 * ```ts
 * const handle = queue.submit(tasks.render, [row], { series: 'preview' });
 * handle.onProgress((share) => bar.update(share));
 * const pixels = await handle.promise;
 * console.log(`${pixels.length} pixels of worker ${handle.workerId}, at attempt ${handle.attempts}`);
 * ```
 */
export interface TaskHandle<T = unknown> {
  /** The label given with the call, or a unique one. */
  readonly id: string;
  readonly series: unknown;
  /** -20..20; changed by `renice`. */
  readonly niceness: number;
  /** A task that a worker holds but has not started is still `'queued'`. */
  readonly state: TaskState;
  /** How often it has been started. */
  readonly attempts: number;
  /** Its result. One that nobody took never raises unhandledRejection. */
  readonly promise: Promise<T>;
  /** The worker that it was last assigned to. */
  readonly workerId: number | undefined;
  /** Tasks queued in one turn share one reading of the clock. */
  readonly queuedAt: number;
  /** When its last attempt began. */
  readonly startedAt: number | undefined;
  /** When it ended, however it did. */
  readonly endedAt: number | undefined;
  /**
   * Cancels it: its promise rejects at once with a TaskCancelledError whose `cause` is `reason`. One that is running
   * sees its signal abort, and keeps its place until it has ended or was killed.
   * @returns false if it had ended already.
   */
  cancel(reason?: unknown): boolean;
  /**
   * Changes the niceness of a task that waits; among those of its new niceness it comes last.
   * @returns false if it has started already.
   * @throws TypeError or RangeError for anything but an integer from -20 to 20.
   */
  renice(niceness: number): boolean;
  /**
   * Calls `listener` with everything the task reports.
   * @returns a function that ends it.
   */
  onProgress(listener: (progress: unknown) => void): () => void;
}
