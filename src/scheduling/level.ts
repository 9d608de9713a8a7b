/** Where a niceness is in an array that grows with how far from 0 they are, as most are 0. */
export function slotOf(niceness: number): number {
  return niceness < 0 ? -2 * niceness - 1 : 2 * niceness;
}

/** One niceness of a series: how far it has advanced, in whichever of the series' lanes its jobs wait. */
export class Level {
  time = 0;
  /** Jobs waiting. */
  size = 0;
  /** Its rows, one in each lane, which take their turns by its time. */
  readonly rows: { refresh(): void }[] = [];

  /** Charges it for what it starts, or refunds it. */
  advance(cost: number): void {
    this.time += cost;
    for (const row of this.rows) row.refresh();
  }
}

/**
 * The niceness levels of a series' normal band. They share the turns of their series as series share a crew: each has
 * a virtual time that advances by the cost of what it starts, the least advanced goes first, and one that had nothing
 * waiting starts no earlier than the clock, the time of the last start.
 */
export class Levels {
  /** By slot. */
  readonly #levels: (Level | undefined)[] = [];
  #clock = 0;

  of(niceness: number): Level {
    const slot = slotOf(niceness);
    let level = this.#levels[slot];
    if (level === undefined) {
      level = new Level();
      this.#levels[slot] = level;
    }
    return level;
  }

  /** A job of the level waits. */
  arrived(level: Level): void {
    if (level.size++ === 0 && level.time < this.#clock) level.time = this.#clock;
  }

  /** It is the level's turn. */
  started(level: Level): void {
    if (level.time > this.#clock) this.#clock = level.time;
  }
}
