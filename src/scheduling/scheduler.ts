import type { Requirement } from './acceptance.js';
import { Crew, type Match } from './crew.js';
import { type Demand, Demands } from './demands.js';
import { costOf, type Job } from './job.js';
import { type Band, type Lane, NORMAL, type Row } from './lane.js';
import { Limiter, type LimitRule } from './limiter.js';
import type { Places } from './places.js';
import type { Desk, Seat } from './seat.js';
import { Series } from './series.js';
import { type Entry, Share } from './share.js';
import { TurnHeap } from './turn-heap.js';

/** Who carries out what the scheduler decides. */
export interface Assigner {
  /** `job` is `seat`'s now. May call the scheduler in turn. */
  assign(job: Job, seat: Seat): void;
}

/** How many series are known before those that have nothing to do are forgotten. */
const IDLE_SERIES = 10_000;

/**
 * Decides which waiting job goes to which worker, and when. It knows no promises, timers or messages: jobs are added,
 * seats opened and vacated, and `dispatch` hands out all that can be handed out.
 *
 * Every job is in exactly one of three conditions: waiting in a lane, taken (between `assign` and `finish`, `giveBack` or
 * `repeat`), or none of the scheduler's business.
 *
 * Invariant: a crew that has both a free seat and a job for it is in `#ready`, unless it was found there with nothing
 * to match since either last changed.
 */
export class Scheduler {
  /** Jobs waiting. */
  size = 0;
  /** Those of them of which an earlier attempt has started. */
  repeated = 0;
  /** While true nothing is handed out. */
  isPaused = false;

  readonly #series = new Map<unknown, Series>();
  readonly #crews = new Set<Crew>();
  readonly #ready = new TurnHeap<Crew>();
  readonly #demands = new Demands();
  /** Series whose rate limit lifts at a known time. */
  readonly #due = new TurnHeap<Series>();
  /** Series that have begun to stall, or have ceased to, since somebody asked. */
  readonly #turned = new Set<Series>();
  /** What runs of the whole queue. */
  readonly #limiter = new Limiter();
  /** Series with a limit of their own. */
  readonly #limited = new Set<Series>();
  #places = 0;
  #foundings = 0;
  #sweepAt = IDLE_SERIES;
  /** The time of the last `dispatch`, or of the last start in it that was counted. */
  #now = Number.NEGATIVE_INFINITY;

  // --- jobs -------------------------------------------------------------------------------------------------------

  add(job: Job, key: unknown, band: Band, requirement: Requirement): void {
    const lane = this.#laneOf(this.#seriesOf(key), band, requirement);
    job.place = ++this.#places;
    lane.push(job);
    this.#arrived(job, lane);
  }

  /** Takes a waiting job out. */
  remove(job: Job): void {
    const { lane } = job.row as Row;
    lane.remove(job);
    this.#left(job, lane);
  }

  renice(job: Job, niceness: number): void {
    const { lane } = job.row as Row;
    lane.renice(job, niceness, ++this.#places);
    this.#refresh(lane);
  }

  /** A job that was taken has ended and will not come back. */
  finish(job: Job): void {
    const { series } = (job.row as Row).lane;
    this.#limiter.ended();
    series.limiter.ended();
    this.#reconsider(series);
  }

  /** A job that was taken is to be run again, before the rest of its series. */
  repeat(job: Job): void {
    this.addAgain(job);
    this.finish(job);
  }

  /** A job that was finished is to be run again after all, before the rest of its series. */
  addAgain(job: Job): void {
    const { series, band, requirement } = (job.row as Row).lane;
    // The series may have been forgotten since.
    const lane = this.#laneOf(this.#seriesOf(series.key), band, requirement);
    lane.pushAgain(job);
    this.#arrived(job, lane);
  }

  /** A job that was taken by a seat of `crew` never began: it returns to its place, and its series is refunded. */
  giveBack(job: Job, crew: Crew): void {
    const { lane } = job.row as Row;
    const { series } = lane;
    if (lane.band === NORMAL) {
      const share = series.shares.find((share) => share.crew === crew);
      if (share !== undefined) crew.charge(share, -costOf(job));
    }
    lane.restore(job);
    this.#arrived(job, lane);
    this.#limiter.unstarted(job.takenAt);
    series.limiter.unstarted(job.takenAt);
    this.#reconsider(series);
  }

  /**
   * Hands out jobs as long as there is one for a worker with a free place. `clock` is what rate limits go by: it is read
   * anew for each start they count, as what was assigned before may have taken its time.
   */
  dispatch(clock: () => number, assigner: Assigner): void {
    this.#now = clock();
    for (let due = this.#due.top; due !== undefined && due.time <= this.#now; due = this.#due.top)
      this.#reconsider(due);
    while (!this.isPaused && this.#limiter.opensAt() <= this.#now) {
      const crew = this.#ready.top;
      if (crew === undefined) return;
      const match = crew.match();
      if (match === null) this.#ready.remove(crew);
      else if (crew.rank(match)) this.#ready.update(crew);
      else assigner.assign(this.#take(crew, match, clock), match.seat);
    }
  }

  /** After a `dispatch`, when the next one may have something to hand out if nothing else changes; else Infinity. */
  get dueAt(): number {
    if (this.isPaused || this.size === 0) return Number.POSITIVE_INFINITY;
    const series = this.#due.top?.time ?? Number.POSITIVE_INFINITY;
    // What a dispatch leaves ready waits for the limit of the queue.
    const queue = this.#ready.size > 0 ? this.#limiter.opensAt() : Number.POSITIVE_INFINITY;
    return Math.min(series, queue);
  }

  /** Whether the job may start only when its worker is free to begin it: starts of its series or queue are counted. */
  isMetered(job: Job): boolean {
    return this.#limiter.hasRate || (job.row as Row).lane.series.limiter.hasRate;
  }

  *jobs(): IterableIterator<Job> {
    for (const { lanes } of this.#series.values()) for (const lane of lanes) yield* lane.jobs();
  }

  sizeOf(key: unknown): number {
    return this.#series.get(key)?.size ?? 0;
  }

  /** The series in which something waits, each with how much. */
  *sizes(): IterableIterator<[key: unknown, size: number]> {
    for (const { key, size } of this.#series.values()) if (size > 0) yield [key, size];
  }

  /** How many jobs wait that the workers of a desk may run. */
  demandAt(desk: Desk): number {
    return this.#demands.at(desk);
  }

  /** Has the jobs that could start now take their places. Returns how many of them never ran. */
  claim(places: Places): number {
    return this.isPaused ? 0 : this.#demands.claim(places, this.#limiter, this.#limited);
  }

  /** Whether one more job could start now in what those that wait leave of the places. */
  claimOne(places: Places, key: unknown, requirement: Requirement): boolean {
    const series = this.#series.get(key) ?? this.#make(key);
    const desks = series.desksFor(series.acceptanceOf(requirement));
    return !this.isPaused && places.take(desks, 1, [this.#limiter, series.limiter]) === 1;
  }

  // --- limits -----------------------------------------------------------------------------------------------------

  limit(rule: LimitRule | null): void {
    this.#limiter.limit(rule);
  }

  limitSeries(key: unknown, rule: LimitRule | null): void {
    const series = this.#seriesOf(key);
    series.limiter.limit(rule);
    if (rule === null) this.#limited.delete(series);
    else this.#limited.add(series);
    this.#reconsider(series);
  }

  // --- workers ----------------------------------------------------------------------------------------------------

  /** The crew of workers with this qualification, which is made when there is none. */
  crew(qualification: ReadonlySet<unknown> | null): Crew {
    for (const crew of this.#crews) if (isSame(crew.qualification, qualification)) return crew;
    const crew = new Crew(qualification, this.#foundings++);
    this.#crews.add(crew);
    return crew;
  }

  /** A worker of `kind` belongs to the crew from now on, with a free place or not. */
  join(crew: Crew, kind: string): void {
    if (crew.join(kind)) this.#reassess(crew);
  }

  leave(crew: Crew, kind: string): void {
    if (!crew.leave(kind)) return;
    if (crew.isEmpty) {
      this.#crews.delete(crew);
      if (crew.index !== -1) this.#ready.remove(crew);
    }
    this.#reassess(crew);
  }

  /** The seat may be given jobs, as a member of `crew`, which its kind has joined. */
  open(seat: Seat, crew: Crew): void {
    seat.crew = crew;
    seat.isOpen = true;
    crew.admit(seat);
    this.#wake(crew);
  }

  /** The seat is given no more jobs. */
  close(seat: Seat): void {
    seat.isOpen = false;
    seat.crew?.remove(seat);
  }

  /** The load of the seat has changed. */
  touch(seat: Seat): void {
    if (!seat.isOpen) return;
    const crew = seat.crew as Crew;
    crew.place(seat);
    if (seat.index !== -1) this.#wake(crew);
  }

  /** Whether some worker, present or to be hired, may run the job. */
  isServed(job: Job): boolean {
    return (job.row as Row).lane.demand !== this.#demands.unserved;
  }

  /** How many jobs wait that some worker, present or to be hired, may run. */
  get servable(): number {
    return this.size - this.#demands.unserved.size;
  }

  /** Whether series have begun to stall, or have ceased to, since somebody asked for those that have. */
  get hasTurned(): boolean {
    return this.#turned.size > 0;
  }

  /** The series in which something waits that no worker may run, and nothing did when this was last asked. */
  *newStalls(): IterableIterator<unknown> {
    for (const series of [...this.#turned]) {
      // Whoever is told of one may change the others.
      if (this.#turned.delete(series) && series.unserved > 0) yield series.key;
    }
  }

  // --- within -----------------------------------------------------------------------------------------------------

  #take(crew: Crew, match: Match, clock: () => number): Job {
    const { seat, entry } = match;
    const { lane } = entry;
    const { series } = lane;
    crew.advance(match);
    const job = lane.take();
    if (lane.band === NORMAL) crew.charge(entry.share, costOf(job));
    this.#left(job, lane);
    if (this.isMetered(job)) {
      this.#now = clock();
      job.takenAt = this.#now;
    }
    this.#limiter.started(this.#now);
    series.limiter.started(this.#now);
    this.#reconsider(series);
    seat.load++;
    crew.place(seat);
    return job;
  }

  #arrived(job: Job, lane: Lane): void {
    this.size++;
    this.#count(lane, 1);
    if (job.repeated) this.#countRepeated(lane, 1);
    if (lane.series.size++ === 0) this.#reconsider(lane.series);
    if (lane.size === 1) this.#enter(lane);
    else this.#refresh(lane);
  }

  #left(job: Job, lane: Lane): void {
    this.size--;
    this.#count(lane, -1);
    if (job.repeated) this.#countRepeated(lane, -1);
    if (--lane.series.size === 0) this.#reconsider(lane.series);
    if (lane.size === 0) this.#exit(lane);
    else this.#refresh(lane);
  }

  #count(lane: Lane, count: number): void {
    const demand = lane.demand as Demand;
    demand.size += count;
    if (demand === this.#demands.unserved) this.#countUnserved(lane.series, count);
  }

  #countUnserved(series: Series, count: number): void {
    const wasStalled = series.unserved > 0;
    series.unserved += count;
    if (wasStalled === series.unserved > 0) return;
    // One that turns twice is what it was.
    if (!this.#turned.delete(series)) this.#turned.add(series);
  }

  #countRepeated(lane: Lane, count: number): void {
    this.repeated += count;
    lane.repeated += count;
    (lane.demand as Demand).repeated += count;
  }

  /** The first job of a lane may be another one: outside the normal band that is its place in the line. */
  #refresh(lane: Lane): void {
    if (lane.band === NORMAL) return;
    for (const { crew, entries } of lane.series.shares) {
      const entry = entries[lane.slot] as Entry;
      if (entry.line !== null) crew.refresh(entry);
    }
  }

  #enter(lane: Lane): void {
    if (lane.series.isBlocked) return;
    for (const { crew, entries } of lane.series.shares) {
      const entry = entries[lane.slot] as Entry;
      if (entry.line !== null || !crew.accepts(lane.acceptance)) continue;
      crew.enter(entry);
      this.#wake(crew);
    }
  }

  #exit(lane: Lane): void {
    for (const { crew, entries } of lane.series.shares) {
      const entry = entries[lane.slot] as Entry;
      if (entry.line !== null) crew.exit(entry);
    }
  }

  #wake(crew: Crew): void {
    const isMoved = crew.rank();
    if (crew.index === -1) this.#ready.push(crew);
    else if (isMoved) this.#ready.update(crew);
  }

  /** Blocks or unblocks the series as its limit says; if time will lift it, it is due then. */
  #reconsider(series: Series): void {
    if (!series.limiter.isSet && !series.isBlocked) return;
    const opensAt = series.limiter.opensAt();
    const isBlocked = opensAt > this.#now;
    if (series.index !== -1) this.#due.remove(series);
    if (isBlocked && opensAt < Number.POSITIVE_INFINITY && series.size > 0) {
      series.time = opensAt;
      this.#due.push(series);
    }
    if (isBlocked === series.isBlocked) return;
    series.isBlocked = isBlocked;
    for (const lane of series.lanes) {
      if (lane.size === 0) continue;
      if (isBlocked) this.#exit(lane);
      else this.#enter(lane);
    }
  }

  #seriesOf(key: unknown): Series {
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= this.#sweepAt) this.#sweep();
      series = this.#make(key);
      this.#series.set(key, series);
    }
    return series;
  }

  #make(key: unknown): Series {
    const series = new Series(key);
    this.#employ(series);
    return series;
  }

  #laneOf(series: Series, band: Band, requirement: Requirement): Lane {
    const lane = series.lane(band, requirement);
    lane.demand ??= this.#demands.of(series.desksFor(lane.acceptance));
    return lane;
  }

  /** What waits in the lane is part of another demand from now on. */
  #move(lane: Lane, demand: Demand): void {
    this.#count(lane, -lane.size);
    (lane.demand as Demand).repeated -= lane.repeated;
    lane.demand = demand;
    demand.repeated += lane.repeated;
    this.#count(lane, lane.size);
  }

  /**
   * Forgets series that have nothing to do and whose shares the clocks have passed; beyond the bound also the oldest of
   * those whose shares they have not, so that memory does not grow with the series ever seen.
   */
  #sweep(): void {
    const idle: Series[] = [];
    for (const series of this.#series.values()) {
      if (series.size > 0 || series.limiter.running > 0 || series.limiter.isSet) continue;
      if (series.shares.every(({ crew, time }) => crew.hasPassed(time))) this.#series.delete(series.key);
      else idle.push(series);
    }
    for (const series of idle.slice(0, -IDLE_SERIES / 2)) this.#series.delete(series.key);
    this.#sweepAt = Math.max(IDLE_SERIES, this.#series.size * 2);
  }

  /** The crew has come or gone, or what it accepts has changed: the series it serves get their shares anew. */
  #reassess(crew: Crew): void {
    for (const series of this.#servedBy(crew)) this.#employ(series);
    this.#demands.prune();
  }

  *#servedBy({ qualification }: Crew): IterableIterator<Series> {
    if (qualification === null) {
      yield* this.#series.values();
      return;
    }
    for (const key of qualification) {
      const series = this.#series.get(key);
      if (series !== undefined) yield series;
    }
  }

  #employ(series: Series): void {
    const { shares, lanes } = series;
    series.shares = [];
    for (const crew of this.#crews) {
      if (crew.serves(series.key))
        series.shares.push(shares.find((share) => share.crew === crew) ?? new Share(crew, lanes));
    }
    series.isServedByMain = series.shares.some(({ crew }) => crew.has('async'));
    for (const lane of lanes) {
      const acceptance = series.acceptanceOf(lane.requirement);
      for (const share of shares) {
        const entry = share.entries[lane.slot] as Entry;
        const stays = acceptance === lane.acceptance && series.shares.includes(share) && share.crew.accepts(acceptance);
        if (entry.line !== null && !stays) share.crew.exit(entry);
      }
      lane.acceptance = acceptance;
      this.#move(lane, this.#demands.of(series.desksFor(acceptance)));
    }
    // When all have gone that go: a series that none stays of is servable anew, whatever the order of its lanes.
    for (const lane of lanes) if (lane.size > 0) this.#enter(lane);
  }
}

function isSame(a: ReadonlySet<unknown> | null, b: ReadonlySet<unknown> | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.size !== b.size) return false;
  for (const key of a) if (!b.has(key)) return false;
  return true;
}
