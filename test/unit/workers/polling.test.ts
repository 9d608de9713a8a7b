import { describe, expect, test } from 'vitest';
import { Polling } from '../../../src/workers/polling.js';

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
  const polling = new Polling(
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
      polling.begins();
      const isAwake = polling.turns > 0;
      if (isAwake) awakes++;
      const { time: taken, tasks = 1, isVain = false } = isAwake ? awake : asleep;
      if (isVain) turnAll();
      time += taken;
      for (let n = 0; n < tasks; n++) polling.taskEnded();
      polling.ends();
      turnAll();
    }
    return awakes / count;
  };
  return { polling, turns, wait };
}

const SOON: Wait = { time: 10 };
const LATE: Wait = { time: 60 };

describe('Whether to stay awake while waiting', () => {
  test('is for nobody at first: a program that starts has better things to do', () => {
    const { polling, wait } = makeWorld();
    expect(polling.turns).toBe(0);
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

  test('is not done for what ends no tasks', () => {
    const { wait } = makeWorld();
    wait(100_000, { time: 10, tasks: 0 }, { time: 60, tasks: 0 });
    expect(wait(200_000, { time: 10, tasks: 0 }, { time: 60, tasks: 0 })).toBeLessThan(0.01);
  });

  test('is not decided by one lucky trial', () => {
    const { wait } = makeWorld();
    wait(2048 + 256, SOON, LATE);
    wait(256, SOON, LATE);
    expect(wait(10_000, LATE, SOON)).toBeLessThan(0.1);
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

  test('is one decision for all that wait: it lasts until the last of them has heard', () => {
    const { polling, turns, wait } = makeWorld();
    wait(4000, SOON, LATE);
    const turn = () => {
      for (const each of turns.splice(0)) each();
    };
    polling.begins();
    polling.begins();
    polling.ends();
    turn();
    expect(turns).toHaveLength(1);
    polling.ends();
    turn();
    expect(turns).toEqual([]);
  });
});
