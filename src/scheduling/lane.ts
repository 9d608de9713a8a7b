import type { Acceptance, Requirement } from './acceptance.js';
import type { Entry } from './crew.js';
import { costOf, type Job } from './job.js';
import { JobList } from './job-list.js';
import type { Series } from './series.js';
import { type Turn, TurnHeap } from './turn-heap.js';

/** The bands, in the order in which they are served. */
export const DO_NEXT = 0;
export const NORMAL = 1;
export const DO_LAST = 2;
export type Band = typeof DO_NEXT | typeof NORMAL | typeof DO_LAST;

/** The jobs of one niceness in a lane. */
class Level implements Turn {
  time = 0;
  order = 0;
  index = -1;
  readonly jobs = new JobList();
}

/**
 * The waiting jobs of one series that are in the same band and accepted by the same workers.
 *
 * Jobs of equal niceness wait first in, first out; the levels take turns like series do: each has a virtual time that
 * advances by the cost of what it starts, and a level that was empty starts no earlier than the lane's clock. The two
 * outer bands know no niceness: there everything waits in one level. Jobs that are run again go before all levels.
 *
 * Invariant: a level is in the heap exactly while it has jobs, and `size` counts the jobs of all levels and of `again`.
 */
export class Lane {
  readonly series: Series;
  readonly band: Band;
  readonly requirement: Requirement;
  /** What accepts its jobs at present; only the lane of closures ever changes it. */
  acceptance: Acceptance;
  /** Its place in the heaps of the crews that serve it. Kept by the crews. */
  readonly entries: Entry[] = [];
  /** Whether one of those crews accepts its jobs. */
  isServed = false;
  size = 0;

  readonly #again = new JobList();
  readonly #levels: (Level | undefined)[] = [];
  readonly #turns = new TurnHeap<Level>();
  #clock = 0;
  #comings = 0;

  constructor(series: Series, band: Band, requirement: Requirement, acceptance: Acceptance) {
    this.series = series;
    this.band = band;
    this.requirement = requirement;
    this.acceptance = acceptance;
  }

  /** The job whose turn it is. */
  get first(): Job | null {
    return this.#again.first ?? this.#turns.top?.jobs.first ?? null;
  }

  push(job: Job): void {
    const level = this.#levelOf(job);
    level.jobs.push(job);
    this.#arrived(job, level);
  }

  /** Puts a job that is to be run again before all that never ran. */
  pushAgain(job: Job): void {
    this.#again.restore(job);
    this.size++;
  }

  /** Returns a job that was taken but never started to its place, and refunds its level. */
  restore(job: Job): void {
    const level = this.#levelOf(job);
    level.time -= costOf(job);
    if (level.index !== -1) this.#turns.update(level);
    if (job.repeated) {
      this.pushAgain(job);
    } else {
      level.jobs.restore(job);
      this.#arrived(job, level);
    }
  }

  /** Takes the job whose turn it is, and charges its level. */
  take(): Job {
    const job = this.first as Job;
    const level = this.#levelOf(job);
    if (job.list === level.jobs && level.time > this.#clock) this.#clock = level.time;
    level.time += costOf(job);
    this.#unlink(job, level);
    if (level.index !== -1) this.#turns.update(level);
    return job;
  }

  remove(job: Job): void {
    this.#unlink(job, this.#levelOf(job));
  }

  /** Moves a waiting job to another niceness, where it comes last. One that is to be run again keeps its place. */
  renice(job: Job, niceness: number, place: number): void {
    if (job.list === this.#again) {
      job.niceness = niceness;
      return;
    }
    this.remove(job);
    job.niceness = niceness;
    job.place = place;
    this.push(job);
  }

  *jobs(): IterableIterator<Job> {
    for (let job = this.#again.first; job !== null; job = job.next) yield job;
    for (const level of this.#turns) {
      for (let job = level.jobs.first; job !== null; job = job.next) yield job;
    }
  }

  #arrived(job: Job, level: Level): void {
    job.lane = this;
    this.size++;
    if (level.index !== -1) return;
    if (level.time < this.#clock) level.time = this.#clock;
    level.order = this.#comings++;
    this.#turns.push(level);
  }

  #unlink(job: Job, level: Level): void {
    (job.list as JobList).remove(job);
    this.size--;
    if (level.index !== -1 && level.jobs.size === 0) this.#turns.remove(level);
  }

  #levelOf(job: Job): Level {
    const slot = this.band === NORMAL ? job.niceness + 20 : 20;
    this.#levels[slot] ??= new Level();
    return this.#levels[slot];
  }
}
