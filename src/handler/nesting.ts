import type { Task } from '../queue/task.js';
import type { Lane, Row } from '../scheduling/lane.js';
import type { Employment } from './employment.js';

/**
 * Calls that tasks have made of their own queue and that have not started. A task that waits for such a call keeps its
 * place; where all places are taken by such tasks, none goes on.
 *
 * It is looked at in every round, so what that costs must not grow with the number of calls: those of one lane have the
 * same workers and are looked at as one, and only while some worker is stuck.
 */
export class Nesting {
  /** Who made each call. */
  readonly #callers = new Map<Task, Task>();
  /** How many such calls each of them waits for. */
  readonly #counts = new Map<Task, number>();
  /** Those that were not told of yet, by the lane they wait in. */
  readonly #untold = new Map<Lane, Set<Task>>();

  get isEmpty(): boolean {
    return this.#callers.size === 0;
  }

  /** A task that waits in the scheduler was called by another. */
  called(task: Task, caller: Task): void {
    this.#callers.set(task, caller);
    this.#counts.set(caller, (this.#counts.get(caller) ?? 0) + 1);
    const { lane } = task.row as Row;
    const calls = this.#untold.get(lane);
    if (calls === undefined) this.#untold.set(lane, new Set([task]));
    else calls.add(task);
  }

  /** The call has started or ended. */
  leave(task: Task): void {
    if (this.#callers.size === 0) return;
    const caller = this.#callers.get(task);
    if (caller === undefined) return;
    this.#callers.delete(task);
    const count = (this.#counts.get(caller) as number) - 1;
    if (count === 0) this.#counts.delete(caller);
    else this.#counts.set(caller, count);
    const { lane } = task.row as Row;
    const calls = this.#untold.get(lane);
    if (calls?.delete(task) && calls.size === 0) this.#untold.delete(lane);
  }

  /** The calls that will never start by themselves, each with the tasks that hold it up; each is named once. */
  *deadlocks(employments: readonly Employment[]): IterableIterator<{ task: Task; holders: Task[] }> {
    const stuck = new Set(employments.filter((employment) => this.#isStuck(employment)));
    if (stuck.size === 0) return;
    for (const [lane, calls] of this.#untold) {
      const task = calls.values().next().value as Task;
      const serving = employments.filter((employment) => employment.mayRun(task));
      if (serving.length === 0 || !serving.every((employment) => stuck.has(employment))) continue;
      this.#untold.delete(lane);
      const holders = serving.flatMap(runningOn);
      // Whoever is told of one may cancel the others.
      for (const call of calls) if (this.#callers.has(call)) yield { task: call, holders };
    }
  }

  /** Whether all its places are taken by tasks that wait for calls of their own. */
  #isStuck(employment: Employment): boolean {
    if (employment.load < employment.concurrency) return false;
    return employment.attempts.every(({ isStarted, task }) => !isStarted || this.#counts.has(task));
  }
}

function runningOn({ attempts }: Employment): Task[] {
  return attempts.filter(({ isStarted }) => isStarted).map(({ task }) => task);
}
