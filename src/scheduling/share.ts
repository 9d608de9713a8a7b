import type { Acceptance, Requirement } from './acceptance.js';
import type { Crew } from './crew.js';
import type { Job } from './job.js';
import { type Lane, NORMAL } from './lane.js';
import { precedes, type Turn, TurnHeap } from './turn-heap.js';

/** What a crew owes a series: the virtual time up to which the series has had its share of the crew. */
export class Share {
  time = 0;
  /** When it came, among shares of the same time: the place of the job that made it servable. */
  order = 0;
  /** How many of its lanes of the normal band wait in a line. */
  lines = 0;
  readonly crew: Crew;
  /** One for each lane of the series, by the lane's slot. */
  readonly entries: Entry[] = [];

  constructor(crew: Crew, lanes: readonly Lane[]) {
    this.crew = crew;
    for (const lane of lanes) this.enlist(lane);
  }

  enlist(lane: Lane): void {
    this.entries.push(new Entry(lane, this));
  }
}

/** A lane among those a crew serves: in the normal band its turn is its share's, in the others its first job's. */
export class Entry implements Turn {
  time = 0;
  order = 0;
  index = -1;
  /** Where it waits; null while the crew has no use for the lane. */
  line: Line | null = null;
  readonly lane: Lane;
  readonly share: Share;

  constructor(lane: Lane, share: Share) {
    this.lane = lane;
    this.share = share;
  }

  /** Brings its key up to date. */
  assess(): void {
    const { lane, share } = this;
    this.time = lane.band === NORMAL ? share.time : (lane.first as Job).place;
    this.order = share.order;
  }

  /** Whether it goes before `other`. Lanes of one series have equal turns in the normal band: their jobs decide. */
  precedes(other: Entry): boolean {
    if (this.time !== other.time || this.share !== other.share) return precedes(this, other);
    return this.lane.precedes(other.lane);
  }
}

/** The servable lanes of one band with the same requirement and acceptance: so never two of the same series. */
export class Line {
  readonly requirement: Requirement;
  readonly acceptance: Acceptance;
  readonly entries = new TurnHeap<Entry>();

  constructor({ requirement, acceptance }: Lane) {
    this.requirement = requirement;
    this.acceptance = acceptance;
  }
}
