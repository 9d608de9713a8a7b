import type { Requirement } from './acceptance.js';
import { Crew, charge, Entry, type Seat } from './crew.js';
import type { Job } from './job.js';
import { type Band, type Lane, NORMAL } from './lane.js';
import { Limiter, type LimitRule } from './limiter.js';
import { Series } from './series.js';
import { TurnHeap } from './turn-heap.js';

/** Who carries out what the scheduler decides. */
export interface Assigner {
  /** `job` is `seat`'s now. May call the scheduler in turn. */
  assign(job: Job, seat: Seat): void;
}

/** How many series that have nothing to do are remembered before the least recent are forgotten. */
const IDLE_SERIES = 10_000;

/**
 * Decides which waiting job goes to which worker, and when. It knows no promises, timers or messages: jobs are added,
 * seats opened and vacated, and `dispatch` hands out all that can be handed out.
 *
 * Every job is in exactly one of three conditions: waiting in a lane (`job.list` is set), taken (between `assign` and
 * `finish`, `giveBack` or `repeat`), or none of the scheduler's business.
 *
 * Invariant: a crew that has both a free seat and a job for it is in `#ready`, unless it was found there with nothing
 * to match since either last changed.
 */
export class Scheduler {
  /** Jobs waiting. */
  size = 0;
  /** Those of them that some worker, present or to be hired, may run. */
  servable = 0;
  /** While true nothing is handed out. */
  isPaused = false;

  readonly #series = new Map<unknown, Series>();
  readonly #crews = new Map<string, Crew>();
  readonly #ready = new TurnHeap<Crew>();
  /** Series whose rate limit lifts at a known time. */
  readonly #due = new TurnHeap<Series>();
  #limiter: Limiter | null = null;
  #running = 0;
  #places = 0;
  #sweepAt = IDLE_SERIES;
  /** Numbers the series that qualifications name, to tell equal sets apart from others. */
  readonly #numbers = new Map<unknown, number>();

  // --- jobs -------------------------------------------------------------------------------------------------------

  add(job: Job, key: unknown, band: Band, requirement: Requirement): void {
    const series = this.#seriesOf(key);
    const lane = series.lane(band, requirement);
    if (lane.entries.length !== series.shares.length) this.#enlist(lane);
    job.lane = lane;
    job.place = ++this.#places;
    lane.push(job);
    this.#arrived(lane);
  }

  /** Takes a waiting job out. */
  remove(job: Job): void {
    const lane = job.lane as Lane;
    lane.remove(job);
    this.#left(lane);
  }

  renice(job: Job, niceness: number): void {
    const lane = job.lane as Lane;
    lane.renice(job, niceness, ++this.#places);
    this.#refresh(lane);
  }

  /** A job that was taken has ended and will not come back. */
  finish(job: Job): void {
    const { series } = job.lane as Lane;
    this.#running--;
    series.running--;
    this.#limiter?.ended();
    series.limiter?.ended();
    this.#reconsider(series);
  }

  /** A job that was taken by a seat of `crew` is to be run again, before the rest of its series. */
  repeat(job: Job): void {
    const lane = job.lane as Lane;
    lane.pushAgain(job);
    this.#arrived(lane);
    this.finish(job);
  }

  /** A job that was taken by a seat of `crew` never began: it returns to its place, and its series is refunded. */
  giveBack(job: Job, crew: Crew): void {
    const lane = job.lane as Lane;
    const { series } = lane;
    if (lane.band === NORMAL) {
      const share = series.shares.find((share) => share.crew === crew);
      if (share !== undefined) charge(share, series.lanes, job, -1);
    }
    lane.restore(job);
    this.#arrived(lane);
    this.#running--;
    series.running--;
    this.#limiter?.unstarted();
    series.limiter?.unstarted();
    this.#reconsider(series);
  }

  /** Hands out jobs as long as there is one for a worker with a free place. `now` is the time rate limits go by. */
  dispatch(now: number, assigner: Assigner): void {
    for (let due = this.#due.top; due !== undefined && due.time <= now; due = this.#due.top) this.#reconsider(due, now);
    while (!this.isPaused && (this.#limiter === null || this.#limiter.opensAt() <= now)) {
      const crew = this.#ready.top;
      if (crew === undefined) return;
      const seat = crew.match();
      if (seat === null) this.#ready.remove(crew);
      else assigner.assign(this.#take(crew, seat, now), seat);
    }
  }

  /** When `dispatch` will next have something to hand out although nothing changes: Infinity if never. */
  get dueAt(): number {
    const series = this.#due.top?.time ?? Number.POSITIVE_INFINITY;
    const queue = this.size > 0 && this.#limiter !== null ? this.#limiter.opensAt() : Number.POSITIVE_INFINITY;
    return Math.min(series, queue === Number.NEGATIVE_INFINITY ? Number.POSITIVE_INFINITY : queue);
  }

  /** Whether the job may start only when its worker is free to begin it: starts of its series or queue are counted. */
  isMetered(job: Job): boolean {
    return this.#limiter?.hasRate === true || (job.lane as Lane).series.limiter?.hasRate === true;
  }

  *jobs(): IterableIterator<Job> {
    for (const series of this.#series.values()) yield* jobsOf(series);
  }

  *jobsOf(key: unknown): IterableIterator<Job> {
    const series = this.#series.get(key);
    if (series !== undefined) yield* jobsOf(series);
  }

  sizeOf(key: unknown): number {
    return this.#series.get(key)?.size ?? 0;
  }

  // --- limits -----------------------------------------------------------------------------------------------------

  limit(rule: LimitRule | null): void {
    this.#limiter = rule === null ? null : new Limiter(rule, this.#running);
  }

  limitSeries(key: unknown, rule: LimitRule | null): void {
    const series = this.#seriesOf(key);
    series.limiter = rule === null ? null : new Limiter(rule, series.running);
    this.#reconsider(series);
  }

  // --- workers ----------------------------------------------------------------------------------------------------

  /** The crew of workers with this qualification, which is made when there is none. */
  crew(qualification: ReadonlySet<unknown> | null): Crew {
    const name = this.#nameOf(qualification);
    let crew = this.#crews.get(name);
    if (crew === undefined) {
      crew = new Crew(qualification, this.#crews.size);
      this.#crews.set(name, crew);
    }
    return crew;
  }

  /** A worker of `kind` belongs to the crew from now on, with a free place or not. */
  join(crew: Crew, kind: string): void {
    if (crew.join(kind)) this.#reassess();
  }

  leave(crew: Crew, kind: string): void {
    if (!crew.leave(kind)) return;
    if (crew.isEmpty) {
      this.#crews.delete(this.#nameOf(crew.qualification));
      if (crew.index !== -1) this.#ready.remove(crew);
    }
    this.#reassess();
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
    const { crew } = seat;
    if (crew === null) return;
    crew.place(seat);
    if (seat.index !== -1) this.#wake(crew);
  }

  /** Whether some worker, present or to be hired, may run the job. */
  isServed(job: Job): boolean {
    return (job.lane as Lane).isServed;
  }

  // --- within -----------------------------------------------------------------------------------------------------

  #take(crew: Crew, seat: Seat, now: number): Job {
    const { lane, share } = crew.nextFor(seat);
    const { series } = lane;
    const job = lane.take();
    if (lane.band === NORMAL) charge(share, series.lanes, job, 1);
    this.#left(lane);
    this.#running++;
    series.running++;
    this.#limiter?.started(now);
    if (series.limiter !== null) {
      series.limiter.started(now);
      this.#reconsider(series, now);
    }
    seat.load++;
    crew.place(seat);
    return job;
  }

  #arrived(lane: Lane): void {
    this.size++;
    if (lane.isServed) this.servable++;
    lane.series.size++;
    if (lane.size === 1) this.#enter(lane);
    else this.#refresh(lane);
  }

  #left(lane: Lane): void {
    this.size--;
    if (lane.isServed) this.servable--;
    lane.series.size--;
    if (lane.size === 0) this.#exit(lane);
    else this.#refresh(lane);
  }

  /** The first job of a lane may be another one: outside the normal band that is its place in the line. */
  #refresh(lane: Lane): void {
    if (lane.band === NORMAL) return;
    for (const entry of lane.entries) if (entry.line !== null) entry.share.crew.refresh(entry);
  }

  #enter(lane: Lane): void {
    if (lane.series.isBlocked) return;
    for (const entry of lane.entries) {
      if (entry.line !== null || !entry.share.crew.accepts(lane.acceptance)) continue;
      entry.share.crew.enter(entry);
      this.#wake(entry.share.crew);
    }
  }

  #exit(lane: Lane): void {
    for (const entry of lane.entries) if (entry.line !== null) entry.share.crew.exit(entry);
  }

  #wake(crew: Crew): void {
    if (crew.index === -1) this.#ready.push(crew);
  }

  /** Blocks or unblocks the series as its limit says. */
  #reconsider(series: Series, now = Number.NEGATIVE_INFINITY): void {
    if (series.limiter === null && !series.isBlocked) return;
    const opensAt = series.limiter?.opensAt() ?? Number.NEGATIVE_INFINITY;
    const isBlocked = opensAt > now;
    if (series.index !== -1) this.#due.remove(series);
    if (isBlocked && opensAt < Number.POSITIVE_INFINITY) {
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
      series = new Series(key);
      this.#series.set(key, series);
      this.#employ(series);
    }
    return series;
  }

  /**
   * Forgets series that have nothing to do and whose shares the clocks have passed; beyond the bound also the least
   * recent of those whose shares they have not, so that memory does not grow with the series ever seen.
   */
  #sweep(): void {
    const idle: Series[] = [];
    for (const series of this.#series.values()) {
      if (series.size > 0 || series.running > 0 || series.limiter !== null) continue;
      if (series.shares.every(({ crew, time }) => crew.hasPassed(time))) this.#series.delete(series.key);
      else idle.push(series);
    }
    for (const series of idle.slice(0, -IDLE_SERIES / 2)) this.#series.delete(series.key);
    this.#sweepAt = Math.max(IDLE_SERIES, this.#series.size * 2);
  }

  /** The crews or what they accept have changed: every series gets its shares and entries anew. */
  #reassess(): void {
    for (const series of this.#series.values()) this.#employ(series);
  }

  #employ(series: Series): void {
    const before = series.shares;
    series.shares = [];
    for (const crew of this.#crews.values()) {
      if (!crew.serves(series.key)) continue;
      series.shares.push(before.find((share) => share.crew === crew) ?? { crew, time: 0 });
    }
    series.isServedByMain = series.shares.some(({ crew }) => crew.has('async'));
    for (const lane of series.lanes) {
      const acceptance = series.acceptanceOf(lane.requirement);
      for (const entry of lane.entries) {
        const { crew } = entry.share;
        const isStale = acceptance !== lane.acceptance || !series.shares.includes(entry.share);
        if (entry.line !== null && (isStale || !crew.accepts(acceptance))) crew.exit(entry);
      }
      lane.acceptance = acceptance;
      if (lane.isServed) this.servable -= lane.size;
      this.#enlist(lane);
      if (lane.isServed) this.servable += lane.size;
      if (lane.size > 0) this.#enter(lane);
    }
  }

  /** Gives the lane one entry for each share of its series. */
  #enlist(lane: Lane): void {
    const before = lane.entries.splice(0);
    for (const share of lane.series.shares) {
      lane.entries.push(before.find((entry) => entry.share === share) ?? new Entry(lane, share));
    }
    lane.isServed = lane.series.shares.some(({ crew }) => crew.accepts(lane.acceptance));
  }

  #nameOf(qualification: ReadonlySet<unknown> | null): string {
    if (qualification === null) return '*';
    const numbers: number[] = [];
    for (const key of qualification) {
      let number = this.#numbers.get(key);
      if (number === undefined) this.#numbers.set(key, (number = this.#numbers.size));
      numbers.push(number);
    }
    return numbers.sort((a, b) => a - b).join();
  }
}

function* jobsOf(series: Series): IterableIterator<Job> {
  for (const lane of series.lanes) yield* lane.jobs();
}
