import type { Lane } from './lane.js';
import type { Limiter } from './limiter.js';
import type { Places } from './places.js';
import type { Desk } from './seat.js';
import type { Series } from './series.js';

/** What waits for the same desks. */
export class Demand {
  /** Those whose workers, present or to be hired, may run it; none if nobody may. */
  readonly desks: readonly Desk[];
  /** Jobs waiting. */
  size = 0;
  /** Those of them of which an earlier attempt has started. */
  repeated = 0;

  constructor(desks: readonly Desk[]) {
    this.desks = desks;
  }

  isFor(desks: readonly Desk[]): boolean {
    return desks.length === this.desks.length && desks.every((desk, i) => desk === this.desks[i]);
  }
}

/**
 * What waits, by the desks that may serve it.
 *
 * Invariant: what the fewest desks may serve comes first, so that it is not left without a place by what has others.
 */
export class Demands {
  /** What no desk may serve. */
  readonly unserved = new Demand([]);
  #all = [this.unserved];

  of(desks: readonly Desk[]): Demand {
    for (const demand of this.#all) if (demand.isFor(desks)) return demand;
    const demand = new Demand(desks);
    this.#all.push(demand);
    this.#all.sort((a, b) => a.desks.length - b.desks.length);
    return demand;
  }

  /** How many jobs wait that the workers of a desk may run. */
  at(desk: Desk): number {
    return this.#all.reduce((sum, { desks, size }) => sum + (desks.includes(desk) ? size : 0), 0);
  }

  /** Forgets those of desks that nobody is left of. */
  prune(): void {
    this.#all = this.#all.filter(({ desks }) => desks.every(({ members }) => members > 0));
  }

  /**
   * Has what could start now take its places, as far as the limits of the queue and of `limited` series allow. Returns
   * for how many jobs that never ran: among their like those that did go first.
   */
  claim(places: Places, queue: Limiter, limited: Iterable<Series>): number {
    const lanes = lanesByDemand(limited);
    let count = 0;
    for (const demand of this.#all) {
      const { desks } = demand;
      let { size, repeated } = demand;
      for (const lane of lanes.get(demand) ?? []) {
        count += Math.max(0, places.take(desks, lane.size, [queue, lane.series.limiter]) - lane.repeated);
        size -= lane.size;
        repeated -= lane.repeated;
      }
      count += Math.max(0, places.take(desks, size, [queue]) - repeated);
    }
    return count;
  }
}

function lanesByDemand(series: Iterable<Series>): Map<Demand, Lane[]> {
  const found = new Map<Demand, Lane[]>();
  for (const { lanes } of series) {
    for (const lane of lanes) {
      const demand = lane.demand as Demand;
      const others = found.get(demand);
      if (others === undefined) found.set(demand, [lane]);
      else others.push(lane);
    }
  }
  return found;
}
