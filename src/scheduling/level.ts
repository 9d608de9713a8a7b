/** One niceness of a series: how far it has advanced, in whichever of the series' lanes its jobs wait. */
export class Level {
  time = 0;
  /** Jobs waiting. */
  size = 0;
}

/**
 * The niceness levels of a series' normal band. They share the turns of their series as series share a crew: each has
 * a virtual time that advances by the cost of what it starts, the least advanced goes first, and one that had nothing
 * waiting starts no earlier than the clock, the time of the last start.
 */
export class Levels {
  readonly #levels: (Level | undefined)[] = [];
  #clock = 0;

  of(niceness: number): Level {
    let level = this.#levels[niceness + 20];
    if (level === undefined) this.#levels[niceness + 20] = level = new Level();
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
