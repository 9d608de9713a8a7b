import { describe, expect, test } from 'vitest';
import { Wakefulness } from '../../../src/workers/wakefulness.js';

/** What one wait of a world is: how long it takes, and how many tasks end with it. */
interface Wait {
  readonly time: number;
  readonly tasks?: number;
  /** Whether nothing comes until all turns have passed. */
  readonly isVain?: boolean;
}

function makeWorld() {
  let time = 0;
  const turns: (() => void)[] = [];
  const wakefulness = new Wakefulness(
    () => time,
    (turn) => turns.push(turn),
  );
  const turnAll = () => {
    while (turns.length > 0) for (const turn of turns.splice(0)) turn();
  };
  /** Waits so often, as it takes awake and asleep; returns which part of the waits was awake. */
  const wait = (count: number, awake: Wait, asleep: Wait): number => {
    let awakes = 0;
    for (let i = 0; i < count; i++) {
      wakefulness.begins();
      const isAwake = wakefulness.turns > 0;
      if (isAwake) awakes++;
      const { time: taken, tasks = 1, isVain = false } = isAwake ? awake : asleep;
      if (isVain) turnAll();
      time += taken;
      for (let n = 0; n < tasks; n++) wakefulness.taskEnded();
      wakefulness.ends();
      turnAll();
    }
    return awakes / count;
  };
  /** Nobody waits for so long. */
  const pass = (gap: number) => {
    time += gap;
  };
  return { wakefulness, turns, wait, pass };
}

/** How many waits come before the first trial, and how many each half of one has. */
const measure = { pause: 2048, trial: 256 };

const SOON: Wait = { time: 10 };
const LATE: Wait = { time: 60 };

describe('Whether to stay awake while waiting', () => {
  test('is for nobody at first: a program that starts has better things to do', () => {
    const { wakefulness, wait } = makeWorld();
    expect(wakefulness.turns).toBe(0);
    expect(wait(2000, SOON, LATE)).toBe(0);
  });

  test('is found out, and done wherever tasks end sooner', () => {
    const { wait } = makeWorld();
    wait(4000, SOON, LATE);
    expect(wait(200_000, SOON, LATE)).toBeGreaterThan(0.98);
  });

  test('is hardly tried where tasks end later', () => {
    const { wait } = makeWorld();
    wait(100_000, LATE, SOON);
    expect(wait(200_000, LATE, SOON)).toBeLessThan(0.01);
  });

  test('is not done for a little gain, which would cost more of the processor than it saves', () => {
    const { wait } = makeWorld();
    wait(100_000, { time: 50 }, { time: 60 });
    expect(wait(200_000, { time: 50 }, { time: 60 })).toBeLessThan(0.01);
  });

  test('is a matter of tasks, not of messages', () => {
    const { wait } = makeWorld();
    const often: Wait = { time: 10, tasks: 1 };
    const together: Wait = { time: 60, tasks: 10 };
    wait(100_000, often, together);
    expect(wait(200_000, often, together)).toBeLessThan(0.01);
  });

  test('is not done where hardly a task ends', () => {
    const { wait } = makeWorld();
    let count = 0;
    const now = (time: number) => ({
      time,
      get tasks() {
        return count++ % 200 === 0 ? 1 : 0;
      },
    });
    wait(100_000, now(10), now(60));
    expect(wait(200_000, now(10), now(60))).toBeLessThan(0.01);
  });

  test('does not depend on where nobody waits for long', () => {
    for (const burst of [200, 256, 300, 700]) {
      const { wait, pass } = makeWorld();
      const bursts = (count: number, awake: Wait, asleep: Wait) => {
        let part = 0;
        for (let i = 0; i < count; i++) {
          part += wait(burst, awake, asleep) / count;
          pass(100_000);
        }
        return part;
      };
      bursts(100, SOON, LATE);
      expect(bursts(100, SOON, LATE)).toBeGreaterThan(0.95);
      bursts(400, LATE, SOON);
      expect(bursts(400, LATE, SOON)).toBeLessThan(0.05);
    }
  });

  test('is not decided by a clock that stands still or runs backwards', () => {
    for (const time of [0, -10]) {
      const { wait } = makeWorld();
      expect(wait(200_000, { time }, { time: 2 * time })).toBeLessThan(0.05);
    }
  });

  test('is not decided by one lucky trial', () => {
    const { wait } = makeWorld();
    const { trial } = measure;
    wait(measure.pause, SOON, LATE);
    wait(2 * trial, SOON, LATE);
    wait(2 * trial, LATE, SOON);
    wait(measure.pause, SOON, LATE);
    wait(2 * trial, SOON, LATE);
    expect(wait(10_000, LATE, SOON)).toBeLessThan(0.1);
  });

  test('is tried as soon where it did not pay again as where it never did', () => {
    const { wait } = makeWorld();
    wait(500_000, LATE, SOON);
    wait(200_000, SOON, LATE);
    for (let i = 0; i < 1000 && wait(2 * measure.trial, LATE, SOON) > 0; i++);
    expect(wait(10_000, SOON, LATE)).toBeGreaterThan(0.5);
  });

  test('is given up where it does not pay any more', () => {
    const { wait } = makeWorld();
    wait(10_000, SOON, LATE);
    wait(70_000, LATE, SOON);
    expect(wait(100_000, LATE, SOON)).toBeLessThan(0.05);
  });

  test('is found out again where it pays now', () => {
    const { wait } = makeWorld();
    wait(500_000, LATE, SOON);
    wait(70_000, SOON, LATE);
    expect(wait(200_000, SOON, LATE)).toBeGreaterThan(0.98);
  });

  test('is given up soon where it is in vain: nobody calls as often any more', () => {
    const { wait } = makeWorld();
    wait(10_000, SOON, LATE);
    const rarely: Wait = { time: 10_000, isVain: true };
    expect(wait(1000, rarely, rarely)).toBeLessThan(0.4);
    expect(wait(100_000, rarely, rarely)).toBeLessThan(0.02);
  });

  test('goes on where one waits for long and others do not', () => {
    const { wakefulness, wait } = makeWorld();
    wakefulness.begins();
    wait(4000, SOON, LATE);
    expect(wait(200_000, SOON, LATE)).toBeGreaterThan(0.98);
  });

  test('lasts until something comes', () => {
    const { wakefulness, turns, wait } = makeWorld();
    wait(4000, SOON, LATE);
    const turn = () => {
      for (const each of turns.splice(0)) each();
    };
    wakefulness.begins();
    wakefulness.begins();
    turn();
    expect(turns).toHaveLength(1);
    wakefulness.ends();
    turn();
    expect(turns).toEqual([]);
  });
});
