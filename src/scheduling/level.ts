/** One niceness of a series: how far it has advanced, in whichever of the series' lanes its jobs wait. */
export class Level {
  readonly niceness: number;
  time = 0;
  /** Jobs waiting. */
  size = 0;

  constructor(niceness: number) {
    this.niceness = niceness;
  }
}

/**
 * The niceness levels of a series' normal band. They share the turns of their series as series share a crew: each has
 * a virtual time that advances by the cost of what it starts, the least advanced goes first, and one that had nothing
 * waiting starts no earlier than the clock, the time of the last start.
 */
export class Levels {
  readonly #levels: Level[] = [];
  #clock = 0;

  of(niceness: number): Level {
    for (const level of this.#levels) if (level.niceness === niceness) return level;
    const level = new Level(niceness);
    this.#levels.push(level);
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
