import type { Acceptance } from './acceptance.js';
import type { Job } from './job.js';
import { type Band, DO_LAST, DO_NEXT, type Lane, NORMAL } from './lane.js';
import { Desk, type Seat } from './seat.js';
import { type Entry, Line, type Share } from './share.js';
import { precedes, type Turn } from './turn-heap.js';

/** More than the rank of any crew. */
const UNRANKED = 2 ** 32;

/** Who is to be given a job, and the lane whose first job it is. */
export interface Match {
  seat: Seat;
  entry: Entry;
}

/**
 * A set of equally qualified workers, which shares itself fairly among the series it serves (start-time fair
 * queueing): starting a job advances the virtual time of its series by the job's cost, the least advanced series goes
 * first, and one that becomes servable starts no earlier than the clock.
 *
 * Workers of several kinds share one virtual time per series, so that the shares hold for the crew as a whole. Each
 * kind has a clock of its own: what only a slow kind may serve must not be measured by the pace of a fast one. But
 * while nothing waits for a kind its clock keeps up with the others, so that nobody gains by its having been idle.
 *
 * As a turn it waits to be given jobs: crews with the narrowest qualification go first, so that a worker who could do
 * more stays free for what only it can do; but those that can only hold more wait until nobody is free to start it.
 *
 * Invariant: a lane has an entry in a line exactly while it has jobs, its series is not blocked and a desk accepts it.
 */
export class Crew implements Turn {
  time: number;
  readonly order: number;
  index = -1;
  /** The series it serves; null for every series. */
  readonly qualification: ReadonlySet<unknown> | null;
  readonly #desks: Desk[] = [];
  readonly #rank: number;
  readonly #bands: [Line[], Line[], Line[]] = [[], [], []];
  readonly #servable: [number, number, number] = [0, 0, 0];
  /** The latest of the desks' clocks. */
  #clock = 0;
  #uses = 0;
  #admissions = 0;
  /** The one object that tells of every match. */
  #match: Match | null = null;

  constructor(qualification: ReadonlySet<unknown> | null, order: number) {
    this.qualification = qualification;
    this.#rank = qualification === null ? UNRANKED - 1 : qualification.size;
    this.time = this.#rank;
    this.order = order;
  }

  serves(key: unknown): boolean {
    return this.qualification === null || this.qualification.has(key);
  }

  /** Whether it has, or will have, a worker of a kind that `acceptance` accepts. */
  accepts(acceptance: Acceptance): boolean {
    return this.#desks.some((desk) => desk.members > 0 && acceptance.accepts(desk.kind));
  }

  /** The desks of those. */
  desksFor(acceptance: Acceptance): Desk[] {
    return this.#desks.filter((desk) => desk.members > 0 && acceptance.accepts(desk.kind));
  }

  /** The desk of a kind, which is made when there is none. */
  desk(kind: string): Desk {
    for (const desk of this.#desks) if (desk.kind === kind) return desk;
    const desk = new Desk(kind);
    this.#desks.push(desk);
    return desk;
  }

  has(kind: string): boolean {
    return this.#desks.some((desk) => desk.members > 0 && desk.kind === kind);
  }

  get isEmpty(): boolean {
    return this.#desks.every((desk) => desk.members === 0);
  }

  /** One more worker of `kind` belongs here. True if it is the first of its kind. */
  join(kind: string): boolean {
    const desk = this.desk(kind);
    if (desk.members === 0) desk.clock = this.#clock;
    return desk.members++ === 0;
  }

  /** One worker of `kind` fewer. True if it was the last of its kind. */
  leave(kind: string): boolean {
    return --this.desk(kind).members === 0;
  }

  /** A seat that nobody has used yet comes after all others that are as little loaded. */
  admit(seat: Seat): void {
    seat.desk = this.desk(seat.kind);
    this.#place(seat, ++this.#admissions);
  }

  /** Brings the seat to the place among its like that its load gives it, now that it was used. */
  place(seat: Seat): void {
    this.#place(seat, --this.#uses);
  }

  #place(seat: Seat, order: number): void {
    const { seats } = seat.desk as Desk;
    const hasRoom = seat.load < seat.concurrency || seat.canHold;
    // An iteration takes no place, but some of the worker's time: of equally loaded ones it makes the less preferred.
    seat.time = (seat.load + seat.iterationCount / (seat.iterationCount + 1)) / seat.concurrency;
    seat.order = order;
    if (seat.index === -1) {
      if (hasRoom) seats.push(seat);
    } else if (hasRoom) {
      seats.update(seat);
    } else {
      seats.remove(seat);
    }
  }

  /** Takes the seat out altogether. */
  remove(seat: Seat): void {
    if (seat.index !== -1) seat.desk?.seats.remove(seat);
  }

  /** The clock of a desk, which keeps up with the others while nothing waits for it. */
  #clockOf(desk: Desk): number {
    if (desk.clock < this.#clock && this.#best(desk, NORMAL) === null) desk.clock = this.#clock;
    return desk.clock;
  }

  /** The clock for what `acceptance` accepts: the latest of those who may serve it. */
  #clockFor(acceptance: Acceptance): number {
    let clock = 0;
    for (const desk of this.#desks) {
      if (desk.members > 0 && acceptance.accepts(desk.kind)) clock = Math.max(clock, this.#clockOf(desk));
    }
    return clock;
  }

  /** Whether all clocks have passed `time`, so that remembering it changes nothing. */
  hasPassed(time: number): boolean {
    return this.#desks.every((desk) => desk.members === 0 || this.#clockOf(desk) >= time);
  }

  /** The lane has become servable. If its series was not, it starts by the clocks of those who may serve it. */
  enter(entry: Entry): void {
    const { lane, share } = entry;
    if (lane.band === NORMAL) {
      const clock = this.#clockFor(lane.acceptance);
      if (share.lines++ === 0) {
        share.order = (lane.first as Job).place;
        if (share.time < clock) share.time = clock;
      }
    }
    entry.assess();
    entry.line = this.#line(lane);
    entry.line.entries.push(entry);
    this.#servable[lane.band]++;
  }

  /** The lane is not servable any more. */
  exit(entry: Entry): void {
    entry.line?.entries.remove(entry);
    entry.line = null;
    this.#servable[entry.lane.band]--;
    if (entry.lane.band === NORMAL) entry.share.lines--;
  }

  /** The key of an entry has changed: its share's time, or the first job of its lane. */
  refresh(entry: Entry): void {
    entry.assess();
    entry.line?.entries.update(entry);
  }

  /** Charges a series, or with a negative cost refunds it. */
  charge(share: Share, cost: number): void {
    share.time += cost;
    for (const entry of share.entries) {
      if (entry.line !== null && entry.lane.band === NORMAL) this.refresh(entry);
    }
  }

  /** Whether a job waits that a worker of `kind` would be given. */
  hasWorkFor(kind: string): boolean {
    return this.#next(this.desk(kind)) !== null;
  }

  /**
   * Chooses who is given a job next, the least loaded worker that there is something for, and what; or null. What it
   * returns is true until the next time.
   */
  match(): Match | null {
    let match: Match | null = null;
    for (const desk of this.#desks) {
      const seat = desk.seats.top;
      if (seat === undefined || (match !== null && !precedes(seat, match.seat))) continue;
      const entry = this.#next(desk);
      if (entry === null) continue;
      if (seat.load >= seat.concurrency) {
        const job = entry.lane.first as Job;
        if (!job.holdable || !seat.wouldHold(job)) continue;
      }
      match = this.#match ??= { seat, entry };
      match.seat = seat;
      match.entry = entry;
    }
    return match;
  }

  /** Ranks it anew, now that something has changed; or by its next match, if there is one. True if that is a change. */
  rank(match?: Match): boolean {
    const { time } = this;
    const isFull = match !== undefined && match.seat.load >= match.seat.concurrency;
    this.time = isFull ? UNRANKED + this.#rank : this.#rank;
    return this.time !== time;
  }

  /** A match is made: advances the clocks to the time of the entry. */
  advance({ seat, entry }: Match): void {
    if (entry.lane.band !== NORMAL) return;
    const desk = seat.desk as Desk;
    if (entry.time > desk.clock) desk.clock = entry.time;
    if (entry.time > this.#clock) this.#clock = entry.time;
  }

  #next(desk: Desk): Entry | null {
    return this.#best(desk, DO_NEXT) ?? this.#best(desk, NORMAL) ?? this.#best(desk, DO_LAST);
  }

  #best(desk: Desk, band: Band): Entry | null {
    if (this.#servable[band] === 0) return null;
    let best: Entry | null = null;
    for (const line of this.#bands[band]) {
      const entry = line.entries.top;
      if (entry === undefined || !line.acceptance.accepts(desk.kind)) continue;
      if (best === null || entry.precedes(best)) best = entry;
    }
    return best;
  }

  #line(lane: Lane): Line {
    const lines = this.#bands[lane.band];
    for (const line of lines) {
      if (line.requirement === lane.requirement && line.acceptance === lane.acceptance) return line;
    }
    const line = new Line(lane);
    lines.push(line);
    return line;
  }
}
