import type { TaskHandler } from '../handler/task-handler.js';
import type { Row } from '../scheduling/lane.js';
import type { Series } from '../scheduling/series.js';
import { Tally, type Times } from './tally.js';
import type { Task } from './task.js';

/** What has become of some tasks, and how long it took. Plain data. */
export interface TaskStats {
  /** Not started yet. */
  waiting: number;
  /** Started and not ended. */
  started: number;
  done: number;
  failed: number;
  cancelled: number;
  /** From the call to the start of the last attempt. */
  wait: Times;
  /** From the start of the last attempt to its end. */
  run: Times;
}

export interface SeriesStats extends TaskStats {
  series: unknown;
}

export interface WorkerStats extends TaskStats {
  id: number;
  kind: string;
  /** Share of its places that has been busy since it was attached: 0..1. */
  utilization: number;
  /** Bytes, as last measured; of threads and processes. */
  memory: number | undefined;
}

export interface QueueStats extends TaskStats {
  /** The 1000 most recently active series. */
  series: SeriesStats[];
  /** All other series, as one. */
  otherSeries: TaskStats;
  workers: WorkerStats[];
}

/** How many series are told apart. */
const SERIES = 1000;

/** Counts what ends, by series. Keeps up to twice as many series apart as it tells, so that it need not sort often. */
export class Stats {
  readonly #bySeries = new Map<unknown, Tally>();
  readonly #others = new Tally();
  /** How many tasks have ended. */
  #ended = 0;

  record(task: Task): void {
    const tally = this.#tallyOf((task.row as Row).lane.series);
    const { attempt, phase } = task;
    const nth = ++this.#ended;
    // One that was never begun has no attempt, or none that has started.
    if (attempt === null || attempt.startedAt === 0) {
      tally.count(phase, nth);
      attempt?.employment.tally.count(phase, nth);
      return;
    }
    const wait = attempt.startedAt - task.queuedAt;
    // It may have ended before its attempt.
    const endedAt = attempt.hasEnded ? attempt.endedAt : (task.endedAt as number);
    const run = endedAt - attempt.startedAt;
    tally.record(phase, nth, wait, run);
    attempt.employment.tally.record(phase, nth, wait, run);
  }

  snapshot(handler: TaskHandler): QueueStats {
    const all = new Tally();
    all.add(this.#others);
    for (const tally of this.#bySeries.values()) all.add(tally);
    const counts = handler.counts();
    // None is more active than those that have something to do.
    const keys = [...new Set([...counts.keys(), ...this.#latest])];
    const series: SeriesStats[] = [];
    let [waiting, started] = [handler.waiting, handler.pending];
    for (const key of keys.slice(0, SERIES)) {
      const count = counts.get(key) ?? { waiting: 0, started: 0 };
      waiting -= count.waiting;
      started -= count.started;
      series.push({ series: key, ...summary(this.#bySeries.get(key) ?? new Tally(), count) });
    }
    const others = new Tally();
    others.add(this.#others);
    for (const key of keys.slice(SERIES)) {
      const tally = this.#bySeries.get(key);
      if (tally !== undefined) others.add(tally);
    }
    return {
      ...summary(all, { waiting: handler.waiting, started: handler.pending }),
      series,
      otherSeries: summary(others, { waiting, started }),
      workers: handler.workforce.employments.map((employment) => {
        const { id, kind, tally, memory, utilization, attempts } = employment;
        employment.measure();
        const tasks = attempts.filter(({ isCurrent, isUpdate }) => isCurrent && !isUpdate);
        const started = tasks.filter(({ isStarted }) => isStarted).length;
        const waiting = tasks.length - started;
        return { id, kind, utilization, memory, ...summary(tally, { waiting, started }) };
      }),
    };
  }

  /** The series of which something has ended, the latest first. */
  get #latest(): unknown[] {
    const byAge = [...this.#bySeries].sort(([, a], [, b]) => a.last - b.last);
    return byAge.map(([key]) => key).reverse();
  }

  /** The series keeps it at hand, as a look-up for each task would be dear. */
  #tallyOf(series: Series): Tally {
    if (series.tally?.isMerged === false) return series.tally;
    let tally = this.#bySeries.get(series.key);
    if (tally === undefined) {
      if (this.#bySeries.size >= 2 * SERIES) this.#merge();
      tally = new Tally();
      this.#bySeries.set(series.key, tally);
    }
    series.tally = tally;
    return tally;
  }

  /** The least recently active series become others, until there are few enough. */
  #merge(): void {
    for (const key of this.#latest.slice(SERIES)) {
      this.#bySeries.get(key)?.mergeInto(this.#others);
      this.#bySeries.delete(key);
    }
  }
}

function summary(tally: Tally, count: { waiting: number; started: number }): TaskStats {
  const { done, failed, cancelled, wait, run } = tally;
  return { ...count, done, failed, cancelled, wait, run };
}
