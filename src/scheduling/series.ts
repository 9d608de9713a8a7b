import type { Tally } from '../queue/tally.js';
import { type Acceptance, LOCAL, MAIN, type Requirement } from './acceptance.js';
import { type Band, Lane } from './lane.js';
import { Levels } from './level.js';
import { Limiter } from './limiter.js';
import type { Desk } from './seat.js';
import type { Share } from './share.js';
import type { Turn } from './turn-heap.js';

/**
 * One series of tasks: its waiting jobs in lanes, what runs of it, and its share in each crew that serves it.
 *
 * As a turn it waits for its rate limit: `time` is when that lifts.
 */
export class Series implements Turn {
  time = 0;
  order = 0;
  index = -1;
  readonly key: unknown;
  readonly lanes: Lane[] = [];
  readonly levels = new Levels();
  /** One for each crew that serves it. */
  shares: Share[] = [];
  /** Jobs waiting. */
  size = 0;
  /** Those of them that no worker may run. */
  unserved = 0;
  /** What runs of it. */
  readonly limiter = new Limiter();
  /** Whether its limit keeps its jobs from being taken. */
  isBlocked = false;
  /** Whether a worker in the main thread serves it, which then gets its closures. */
  isServedByMain = false;
  /** What has become of its tasks, kept here for whoever counts that. */
  tally: Tally | null = null;

  constructor(key: unknown) {
    this.key = key;
  }

  lane(band: Band, requirement: Requirement): Lane {
    for (const lane of this.lanes) {
      if (lane.band === band && lane.requirement === requirement) return lane;
    }
    const lane = new Lane(this, band, requirement);
    this.lanes.push(lane);
    for (const share of this.shares) share.enlist(lane);
    return lane;
  }

  acceptanceOf(requirement: Requirement): Acceptance {
    if (requirement !== 'closure') return requirement;
    return this.isServedByMain ? MAIN : LOCAL;
  }

  /** The desks whose workers may run its jobs of this acceptance. */
  desksFor(acceptance: Acceptance): Desk[] {
    return this.shares.flatMap(({ crew }) => crew.desksFor(acceptance));
  }
}

/** Whether a Map would take both for the same key. */
export function isSameKey(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b);
}
