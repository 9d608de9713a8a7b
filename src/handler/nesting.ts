import type { Task } from '../queue/task.js';
import type { Employment } from './employment.js';

/**
 * Calls that tasks have made of their own queue and that have not started. A task that waits for such a call keeps its
 * place; where all places are taken by such tasks, none goes on.
 */
export class Nesting {
  /** Who made each call. */
  readonly #callers = new Map<Task, Task>();
  /** Calls that were told of. */
  readonly #told = new WeakSet<Task>();

  get isEmpty(): boolean {
    return this.#callers.size === 0;
  }

  called(task: Task, caller: Task): void {
    this.#callers.set(task, caller);
  }

  /** The call has started or ended. */
  leave(task: Task): void {
    if (this.#callers.size > 0) this.#callers.delete(task);
  }

  /** The calls that will never start by themselves, each with the tasks that hold it up; each is named once. */
  *deadlocks(employments: Iterable<Employment>): IterableIterator<{ task: Task; holders: Task[] }> {
    const waiting = new Set(this.#callers.values());
    const all = [...employments];
    for (const task of this.#callers.keys()) {
      if (this.#told.has(task)) continue;
      const serving = all.filter((employment) => employment.mayRun(task));
      const holders = serving
        .flatMap(({ attempts }) => attempts.filter(({ isStarted }) => isStarted))
        .map((attempt) => attempt.task);
      const isFull = serving.every(({ load, concurrency }) => load >= concurrency);
      if (serving.length === 0 || !isFull || !holders.every((holder) => waiting.has(holder))) continue;
      this.#told.add(task);
      yield { task, holders };
    }
  }
}
