import type { Acceptance, Requirement } from './acceptance.js';
import { costOf, type Job } from './job.js';
import { JobList } from './job-list.js';
import type { Level } from './level.js';
import type { Series } from './series.js';

/** The bands, in the order in which they are served. */
export const DO_NEXT = 0;
export const NORMAL = 1;
export const DO_LAST = 2;
export type Band = typeof DO_NEXT | typeof NORMAL | typeof DO_LAST;

/** The jobs of one level in one lane; or those without a level, which go before all that have one. */
class Row extends JobList {
  readonly level: Level | null;

  constructor(level: Level | null) {
    super();
    this.level = level;
  }

  get time(): number {
    return this.level === null ? Number.NEGATIVE_INFINITY : this.level.time;
  }
}

/**
 * The waiting jobs of one series that are in the same band and accepted by the same workers.
 *
 * Jobs of equal niceness wait first in, first out, and the levels take turns. How far each has advanced is kept by the
 * series, so that it is the same in all of its lanes, and `precedes` tells which lane has the job whose turn it is.
 * There are 41 levels at most and hardly ever more than a few: looking through them is cheaper than keeping order.
 *
 * Outside all levels wait the jobs that are run again, and everything in the two outer bands, which know no niceness.
 *
 * Invariant: `size` counts the jobs of all rows, and a level's size those of its row in each lane.
 */
export class Lane {
  readonly series: Series;
  /** Its number among the lanes of its series. */
  readonly slot: number;
  readonly band: Band;
  readonly requirement: Requirement;
  /** What accepts its jobs at present; only the lane of closures ever changes it. */
  acceptance: Acceptance;
  /** Whether a crew accepts its jobs. */
  isServed = false;
  size = 0;

  readonly #unlevelled = new Row(null);
  readonly #rows = [this.#unlevelled];

  constructor(series: Series, band: Band, requirement: Requirement) {
    this.series = series;
    this.slot = series.lanes.length;
    this.band = band;
    this.requirement = requirement;
    this.acceptance = series.acceptanceOf(requirement);
  }

  /** The job whose turn it is. */
  get first(): Job | null {
    let first: Job | null = null;
    let time = 0;
    for (const row of this.#rows) {
      const job = row.first;
      if (job === null || (first !== null && !isBefore(row.time, job, time, first))) continue;
      first = job;
      time = row.time;
    }
    return first;
  }

  /** Whether it, of two lanes of a series that have jobs, has the one whose turn it is. */
  precedes(other: Lane): boolean {
    const a = this.first as Job;
    const b = other.first as Job;
    return isBefore((a.list as Row).time, a, (b.list as Row).time, b);
  }

  push(job: Job): void {
    const row = this.#rowOf(job);
    row.push(job);
    this.#arrived(job, row);
  }

  /** Puts a job that is to be run again before all that never ran. */
  pushAgain(job: Job): void {
    this.#unlevelled.restore(job);
    this.#arrived(job, this.#unlevelled);
  }

  /** Returns a job that was taken but never started to its place, and refunds its level. */
  restore(job: Job): void {
    if (this.band === NORMAL) this.series.levels.of(job.niceness).time -= costOf(job);
    const row = this.#rowOf(job);
    row.restore(job);
    this.#arrived(job, row);
  }

  /** Takes the job whose turn it is, and charges its level. */
  take(): Job {
    const job = this.first as Job;
    const { level } = job.list as Row;
    if (level !== null) this.series.levels.started(level);
    if (this.band === NORMAL) (level ?? this.series.levels.of(job.niceness)).time += costOf(job);
    this.remove(job);
    return job;
  }

  remove(job: Job): void {
    const row = job.list as Row;
    row.remove(job);
    if (row.level !== null) row.level.size--;
    this.size--;
  }

  /** Moves a waiting job to another niceness, where it comes last. One outside all levels keeps its place. */
  renice(job: Job, niceness: number, place: number): void {
    if (job.niceness === niceness) return;
    const { level } = job.list as Row;
    if (level !== null) this.remove(job);
    job.niceness = niceness;
    if (level === null) return;
    job.place = place;
    this.push(job);
  }

  *jobs(): IterableIterator<Job> {
    for (const row of this.#rows) {
      for (let job = row.first; job !== null; job = job.next) yield job;
    }
  }

  #arrived(job: Job, row: Row): void {
    job.lane = this;
    this.size++;
    if (row.level !== null) this.series.levels.arrived(row.level);
  }

  #rowOf(job: Job): Row {
    if (this.band !== NORMAL || job.repeated) return this.#unlevelled;
    for (const row of this.#rows) if (row.level?.niceness === job.niceness) return row;
    const row = new Row(this.series.levels.of(job.niceness));
    this.#rows.push(row);
    return row;
  }
}

/** Whether job `a`, whose row is at `timeA`, goes before `b`: of equals the one that came first. */
function isBefore(timeA: number, a: Job, timeB: number, b: Job): boolean {
  return timeA < timeB || (timeA === timeB && a.place < b.place);
}
