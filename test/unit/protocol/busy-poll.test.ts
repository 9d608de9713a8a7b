import { describe, expect, test } from 'vitest';
import { BusyPoll } from '../../../src/protocol/busy-poll.js';

function make() {
  const turns: (() => void)[] = [];
  const told = { ranOut: 0 };
  const poll = new BusyPoll(
    () => told.ranOut++,
    (turn) => turns.push(turn),
  );
  /** Turns the event loop, `most` times at most, until nothing keeps it awake; returns how often. */
  const turn = (most = 1000) => {
    let count = 0;
    while (turns.length > 0 && count < most) {
      count++;
      for (const each of turns.splice(0)) each();
    }
    return count;
  };
  return { poll, turns, told, turn };
}

describe('Busy polling', () => {
  test('keeps the event loop turning for as long as it was told, and then says so', () => {
    const { poll, told, turn } = make();
    poll.start(5);
    expect(turn()).toBe(5);
    expect(told.ranOut).toBe(1);
  });

  test('does nothing for no turns', () => {
    const { poll, turns, told } = make();
    poll.start(0);
    expect(turns).toEqual([]);
    expect(told.ranOut).toBe(0);
  });

  test('lets the event loop sleep once it was stopped, and has not run out', () => {
    const { poll, told, turn } = make();
    poll.start(5);
    turn(2);
    poll.stop();
    expect(turn()).toBe(1);
    expect(told.ranOut).toBe(0);
  });

  test('counts anew when it is started anew, with one turn at a time', () => {
    const { poll, turns, told, turn } = make();
    poll.start(5);
    turn(3);
    poll.stop();
    poll.start(5);
    poll.start(5);
    expect(turns).toHaveLength(1);
    expect(turn()).toBe(5);
    expect(told.ranOut).toBe(1);
  });

  test('can be told to sleep by starting it for no turns', () => {
    const { poll, told, turn } = make();
    poll.start(5);
    poll.start(0);
    expect(turn()).toBe(1);
    expect(told.ranOut).toBe(0);
  });

  test('is turns of the real event loop unless told otherwise', async () => {
    await new Promise<void>((resolve) => new BusyPoll(resolve).start(3));
  });
});
