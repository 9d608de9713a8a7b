import type { Acceptance, Requirement } from './acceptance.js';
import type { Demand } from './demands.js';
import { costOf, type Job } from './job.js';
import { JobList } from './job-list.js';
import { type Level, slotOf } from './level.js';
import type { Series } from './series.js';
import { precedes, type Turn, TurnHeap } from './turn-heap.js';

/** The bands, in the order in which they are served. */
export const DO_NEXT = 0;
export const NORMAL = 1;
export const DO_LAST = 2;
export type Band = typeof DO_NEXT | typeof NORMAL | typeof DO_LAST;

/**
 * The jobs of one level in one lane; or those without a level, which go before all that have one. As a turn it is as
 * far as its level, and of equally far ones that goes first whose first job came first.
 */
export class Row extends JobList implements Turn {
  time = Number.NEGATIVE_INFINITY;
  order = 0;
  index = -1;
  readonly lane: Lane;
  readonly level: Level | null;
  /** Those of the lane. */
  readonly #turns: TurnHeap<Row>;

  constructor(lane: Lane, level: Level | null, turns: TurnHeap<Row>) {
    super();
    this.lane = lane;
    this.level = level;
    this.#turns = turns;
    level?.rows.push(this);
  }

  /** Its level has advanced, or its first job is another one: takes its turn among the rows of its lane, or none. */
  refresh(): void {
    const { first, level } = this;
    if (first === null) {
      if (this.index !== -1) this.#turns.remove(this);
      return;
    }
    if (level !== null) this.time = level.time;
    this.order = first.place;
    if (this.index === -1) this.#turns.push(this);
    else this.#turns.update(this);
  }
}

/**
 * The waiting jobs of one series that are in the same band and accepted by the same workers.
 *
 * Jobs of equal niceness wait first in, first out, and the levels take turns. How far each has advanced is kept by the
 * series, so that it is the same in all of its lanes, and `precedes` tells which lane has the job whose turn it is.
 *
 * Outside all levels wait the jobs that are run again, and everything in the two outer bands, which know no niceness.
 *
 * Invariant: `size` counts the jobs of all rows, and a level's size those of its row in each lane. A row is among the
 * turns exactly while it has jobs.
 */
export class Lane {
  readonly series: Series;
  /** Its number among the lanes of its series. */
  readonly slot: number;
  readonly band: Band;
  readonly requirement: Requirement;
  /** What accepts its jobs at present; only the lane of closures ever changes it. */
  acceptance: Acceptance;
  /** What its jobs are part of while they wait; null before there were any. */
  demand: Demand | null = null;
  size = 0;
  /** Jobs of which an earlier attempt has started. */
  repeated = 0;

  readonly #turns = new TurnHeap<Row>();
  readonly #unlevelled = new Row(this, null, this.#turns);
  /** By the slot of their level. */
  readonly #rows: (Row | undefined)[] = [];

  constructor(series: Series, band: Band, requirement: Requirement) {
    this.series = series;
    this.slot = series.lanes.length;
    this.band = band;
    this.requirement = requirement;
    this.acceptance = series.acceptanceOf(requirement);
  }

  /** The job whose turn it is. */
  get first(): Job | null {
    return this.#turns.top?.first ?? null;
  }

  /** Whether it, of two lanes of a series that have jobs, has the one whose turn it is. */
  precedes(other: Lane): boolean {
    return precedes(this.#turns.top as Row, other.#turns.top as Row);
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
    if (this.band === NORMAL) this.series.levels.of(job.niceness).advance(-costOf(job));
    const row = this.#rowOf(job);
    row.restore(job);
    this.#arrived(job, row);
  }

  /** Takes the job whose turn it is, and charges its level. */
  take(): Job {
    const row = this.#turns.top as Row;
    const job = row.first as Job;
    const { levels } = this.series;
    if (row.level !== null) levels.started(row.level);
    this.#remove(job, row);
    if (this.band === NORMAL) (row.level ?? levels.of(job.niceness)).advance(costOf(job));
    if (row.level === null) row.refresh();
    return job;
  }

  remove(job: Job): void {
    const row = job.row as Row;
    this.#remove(job, row);
    row.refresh();
  }

  /** Moves a waiting job to another niceness, where it comes last. One outside all levels keeps its place. */
  renice(job: Job, niceness: number, place: number): void {
    if (job.niceness === niceness) return;
    const { level } = job.row as Row;
    if (level !== null) this.remove(job);
    job.niceness = niceness;
    if (level === null) return;
    job.place = place;
    this.push(job);
  }

  *jobs(): IterableIterator<Job> {
    for (const row of this.#turns) {
      for (let job = row.first; job !== null; job = job.next) yield job;
    }
  }

  #arrived(job: Job, row: Row): void {
    job.row = row;
    this.size++;
    if (row.level !== null) this.series.levels.arrived(row.level);
    if (row.first === job) row.refresh();
  }

  #remove(job: Job, row: Row): void {
    row.remove(job);
    if (row.level !== null) row.level.size--;
    this.size--;
  }

  #rowOf({ niceness, repeated }: Job): Row {
    if (this.band !== NORMAL || repeated) return this.#unlevelled;
    const slot = slotOf(niceness);
    let row = this.#rows[slot];
    if (row === undefined) {
      row = new Row(this, this.series.levels.of(niceness), this.#turns);
      this.#rows[slot] = row;
    }
    return row;
  }
}
