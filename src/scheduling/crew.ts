import type { Acceptance } from './acceptance.js';
import { costOf, type Job } from './job.js';
import { type Band, type Lane, NORMAL } from './lane.js';
import type { Share } from './series.js';
import { precedes, type Turn, TurnHeap } from './turn-heap.js';

/** A worker as the scheduler sees it: so many places for jobs. The least loaded goes first, then the last used. */
export abstract class Seat implements Turn {
  time = 0;
  order = 0;
  index = -1;
  abstract readonly kind: string;
  /** How many jobs it runs at a time. */
  abstract readonly concurrency: number;
  /** The crew it belongs to; null before it was placed and after it left. */
  crew: Crew | null = null;
  /** Jobs assigned to it and not ended. */
  load = 0;
  isOpen = false;

  /** Whether it may be given more than it runs at a time, to hold ahead of its turn. */
  abstract readonly canHold: boolean;
  /** Whether it would hold this job, given what it holds already. */
  abstract wouldHold(job: Job): boolean;
}

/** The place of a lane among those a crew serves: in the normal band by virtual time, in the others by arrival. */
export class Entry implements Turn {
  time = 0;
  order = 0;
  index = -1;
  /** The heap it waits in; null while the crew has no use for the lane. */
  line: Line | null = null;
  readonly lane: Lane;
  readonly share: Share;

  constructor(lane: Lane, share: Share) {
    this.lane = lane;
    this.share = share;
  }
}

/** The servable lanes of one band that the same kinds of worker accept. */
class Line {
  readonly acceptance: Acceptance;
  readonly entries = new TurnHeap<Entry>();

  constructor(acceptance: Acceptance) {
    this.acceptance = acceptance;
  }
}

/** The workers of one kind in a crew. */
class Desk {
  readonly kind: string;
  /** Virtual time of the last start by one of its workers. Never runs backwards. */
  clock = 0;
  /** Workers that belong here, with a free place or not. */
  members = 0;
  /** Those that can be given a job. */
  readonly seats = new TurnHeap<Seat>();

  constructor(kind: string) {
    this.kind = kind;
  }
}

/**
 * A set of equally qualified workers, which shares itself fairly among the series it serves (start-time fair
 * queueing): starting a job advances the virtual time of its series by the job's cost, the least advanced series goes
 * first, and one that becomes servable starts no earlier than the clock.
 *
 * Workers of several kinds share one virtual time per series, so that the shares hold for the crew as a whole. Each
 * kind has a clock of its own: what only a slow kind may serve must not be measured by the pace of a fast one.
 *
 * As a turn it waits to be given jobs: crews with the narrowest qualification go first, so that a worker who could do
 * more stays free for what only it can do.
 *
 * Invariants: a lane has an entry in a line exactly while it has jobs, its series is not blocked and a desk accepts
 * it; the time of a normal entry is its share's; that of any other is the place of the lane's first job.
 */
export class Crew implements Turn {
  readonly time: number;
  readonly order: number;
  index = -1;
  /** The series it serves; null for every series. */
  readonly qualification: ReadonlySet<unknown> | null;
  readonly #desks: Desk[] = [];
  readonly #bands: Line[][] = [[], [], []];
  readonly #servable = [0, 0, 0];
  #comings = 0;
  #uses = 0;
  #admissions = 0;

  constructor(qualification: ReadonlySet<unknown> | null, order: number) {
    this.qualification = qualification;
    this.time = qualification === null ? Number.POSITIVE_INFINITY : qualification.size;
    this.order = order;
  }

  serves(key: unknown): boolean {
    return this.qualification === null || this.qualification.has(key);
  }

  /** Whether it has, or will have, a worker of a kind that `acceptance` accepts. */
  accepts(acceptance: Acceptance): boolean {
    return this.#desks.some((desk) => desk.members > 0 && acceptance.accepts(desk.kind));
  }

  has(kind: string): boolean {
    return this.#desks.some((desk) => desk.members > 0 && desk.kind === kind);
  }

  get isEmpty(): boolean {
    return this.#desks.every((desk) => desk.members === 0);
  }

  /** One more worker of `kind` belongs here. True if it is the first of its kind. */
  join(kind: string): boolean {
    return this.#desk(kind).members++ === 0;
  }

  /** One worker of `kind` fewer. True if it was the last of its kind. */
  leave(kind: string): boolean {
    return --this.#desk(kind).members === 0;
  }

  /** A seat that nobody has used yet comes after all others that are as little loaded. */
  admit(seat: Seat): void {
    this.#place(seat, ++this.#admissions);
  }

  /** Brings the seat to the place among its like that its load gives it, now that it was used. */
  place(seat: Seat): void {
    this.#place(seat, --this.#uses);
  }

  #place(seat: Seat, order: number): void {
    const { seats } = this.#desk(seat.kind);
    const hasRoom = seat.isOpen && (seat.load < seat.concurrency || seat.canHold);
    seat.time = seat.load / seat.concurrency;
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
    if (seat.index !== -1) this.#desk(seat.kind).seats.remove(seat);
  }

  /** The clock that a lane starts by: the latest of the desks that may serve it. */
  #clockOf(acceptance: Acceptance): number {
    let clock = 0;
    for (const desk of this.#desks) {
      if (desk.members > 0 && desk.clock > clock && acceptance.accepts(desk.kind)) clock = desk.clock;
    }
    return clock;
  }

  /** Whether every desk's clock has passed `time`, so that remembering it changes nothing. */
  hasPassed(time: number): boolean {
    return this.#desks.every((desk) => desk.clock >= time);
  }

  /** The lane has become servable. */
  enter(entry: Entry): void {
    const { lane, share } = entry;
    if (lane.band === NORMAL) {
      const clock = this.#clockOf(lane.acceptance);
      if (share.time < clock) share.time = clock;
      entry.time = share.time;
    } else {
      entry.time = (lane.first as Job).place;
    }
    entry.order = this.#comings++;
    entry.line = this.#line(lane.band, lane.acceptance);
    entry.line.entries.push(entry);
    this.#servable[lane.band]++;
  }

  /** The lane is not servable any more. */
  exit(entry: Entry): void {
    entry.line?.entries.remove(entry);
    entry.line = null;
    this.#servable[entry.lane.band]--;
  }

  /** The key of an entry has changed: its share's time, or the first job of its lane. */
  refresh(entry: Entry): void {
    entry.time = entry.lane.band === NORMAL ? entry.share.time : (entry.lane.first as Job).place;
    entry.line?.entries.update(entry);
  }

  /** Whether a job waits that a worker of `kind` would be given. */
  hasWorkFor(kind: string): boolean {
    return this.#next(this.#desk(kind)) !== null;
  }

  /**
   * Chooses who is given a job next, the least loaded worker that there is something for, or null. What it is given
   * is the first job of the lane that `nextFor` then names.
   */
  match(): Seat | null {
    let best: Seat | null = null;
    for (const desk of this.#desks) {
      const seat = desk.seats.top;
      if (seat === undefined || (best !== null && !precedes(seat, best))) continue;
      const entry = this.#next(desk);
      if (entry === null) continue;
      if (seat.load >= seat.concurrency) {
        const job = entry.lane.first as Job;
        if (!job.holdable || !seat.wouldHold(job)) continue;
      }
      best = seat;
    }
    return best;
  }

  /** The entry whose first job the seat that `match` chose is to be given. Advances the clock to its time. */
  nextFor(seat: Seat): Entry {
    const desk = this.#desk(seat.kind);
    const entry = this.#next(desk) as Entry;
    if (entry.lane.band === NORMAL && entry.time > desk.clock) desk.clock = entry.time;
    return entry;
  }

  #next(desk: Desk): Entry | null {
    for (let band = 0; band < 3; band++) {
      if (this.#servable[band] === 0) continue;
      let best: Entry | null = null;
      for (const line of this.#bands[band] as Line[]) {
        const entry = line.entries.top;
        if (entry === undefined || !line.acceptance.accepts(desk.kind)) continue;
        if (best === null || precedes(entry, best)) best = entry;
      }
      if (best !== null) return best;
    }
    return null;
  }

  #desk(kind: string): Desk {
    for (const desk of this.#desks) if (desk.kind === kind) return desk;
    const desk = new Desk(kind);
    this.#desks.push(desk);
    return desk;
  }

  #line(band: Band, acceptance: Acceptance): Line {
    const lines = this.#bands[band] as Line[];
    for (const line of lines) if (line.acceptance === acceptance) return line;
    const line = new Line(acceptance);
    lines.push(line);
    return line;
  }
}

/** Charges, or with a negative cost refunds, a series' share for a job, and brings its entries to their new places. */
export function charge(share: Share, lanes: readonly Lane[], job: Job, sign: 1 | -1): void {
  share.time += sign * costOf(job);
  for (const lane of lanes) {
    if (lane.band !== NORMAL) continue;
    for (const entry of lane.entries) if (entry.share === share && entry.line !== null) share.crew.refresh(entry);
  }
}
