import type { Task } from '../queue/task.js';
import type { Lane, Row } from '../scheduling/lane.js';
import type { Attempt } from './attempt.js';
import type { Employment } from './employment.js';

/** A call that a task has made of its own queue. */
interface Call {
  /** Not the task itself: when that is done, the iterator it may have returned is to be collected with it. */
  readonly caller: Attempt;
  /** Where it waits; null while it runs. */
  lane: Lane | null;
}

/**
 * Calls that tasks have made of their own queue. A task that waits for one which has not started keeps its place; where
 * all places are taken by such tasks, none goes on. A call may also come back, to be run again.
 *
 * It is looked at in every round, so what that costs must not grow with the number of calls: those of one lane have the
 * same workers and are looked at as one, and only while some worker is stuck.
 */
export class Nesting {
  /** Those that have not ended. */
  readonly #calls = new Map<Task, Call>();
  /** How many that wait each caller has. */
  readonly #counts = new Map<Attempt, number>();
  /** Those that wait and were not told of yet, by the lane they wait in. */
  readonly #untold = new Map<Lane, Set<Task>>();

  get hasUntold(): boolean {
    return this.#untold.size > 0;
  }

  /** A task that waits in the scheduler was called by another. */
  called(task: Task, caller: Attempt): void {
    const call = { caller, lane: null };
    this.#calls.set(task, call);
    this.#wait(task, call);
  }

  started(task: Task): void {
    const call = this.#callOf(task);
    if (call !== undefined) this.#stopWaiting(task, call);
  }

  /** The task comes back to the scheduler, at once or after a while. It may never have started. */
  returned(task: Task): void {
    const call = this.#callOf(task);
    if (call?.lane === null) this.#wait(task, call);
  }

  ended(task: Task): void {
    const call = this.#callOf(task);
    if (call === undefined) return;
    this.#stopWaiting(task, call);
    this.#calls.delete(task);
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
      for (const call of calls) if (this.#calls.has(call)) yield { task: call, holders };
    }
  }

  /** Most tasks are no such calls, and most queues have none. */
  #callOf(task: Task): Call | undefined {
    return this.#calls.size === 0 ? undefined : this.#calls.get(task);
  }

  #wait(task: Task, call: Call): void {
    const { caller } = call;
    this.#counts.set(caller, (this.#counts.get(caller) ?? 0) + 1);
    const { lane } = task.row as Row;
    call.lane = lane;
    const calls = this.#untold.get(lane);
    if (calls === undefined) this.#untold.set(lane, new Set([task]));
    else calls.add(task);
  }

  #stopWaiting(task: Task, call: Call): void {
    const { caller, lane } = call;
    if (lane === null) return;
    call.lane = null;
    const count = (this.#counts.get(caller) as number) - 1;
    if (count === 0) this.#counts.delete(caller);
    else this.#counts.set(caller, count);
    const calls = this.#untold.get(lane);
    if (calls?.delete(task) && calls.size === 0) this.#untold.delete(lane);
  }

  /** Whether all its places are taken by tasks that wait for calls of their own. */
  #isStuck({ load, concurrency, attempts }: Employment): boolean {
    if (load < concurrency) return false;
    let waiting = 0;
    for (const attempt of attempts) {
      // It is held ahead, or its worker is late to say that it runs: then too few are left that wait.
      if (!attempt.isStarted) continue;
      if (!this.#counts.has(attempt)) return false;
      waiting++;
    }
    return waiting >= concurrency;
  }
}

function runningOn({ attempts }: Employment): Task[] {
  return attempts.filter(({ isStarted }) => isStarted).map(({ task }) => task);
}
