import { describe, expect, it } from 'vitest';
import { RemoteSource } from '../../../src/workers/remote-source.js';

function open() {
  const log: unknown[] = [];
  const source = new RemoteSource({
    pull: () => log.push('pull'),
    close: () => log.push('close'),
    abort: (reason) => log.push(['abort', reason]),
  });
  return { source, log };
}

const item = (value: unknown) => ({ value, done: false });
const end = { value: undefined, done: true };
const evil = new Error('evil');

describe('The items of a thread or process', () => {
  it('are asked for when the first is, and when a batch was read', async () => {
    const { source, log } = open();
    expect(log).toEqual([]);
    const first = source.next();
    const second = source.next();
    expect(log).toEqual(['pull']);
    source.arrived([1, 2, 3]);
    expect([await first, await second]).toEqual([item(1), item(2)]);
    expect(log).toEqual(['pull']);
    expect(await source.next()).toEqual(item(3));
    expect(log).toEqual(['pull', 'pull']);
  });

  it('come before the end, and before the error, which is told once', async () => {
    for (const isError of [false, true]) {
      const { source } = open();
      source.arrived([1]);
      source.ended(evil, isError);
      expect(source.take()).toEqual(item(1));
      if (isError) {
        expect(source.take()).toBe(null);
        await expect(source.next()).rejects.toBe(evil);
      }
      expect(source.take()).toEqual(end);
      expect(await source.next()).toEqual(end);
    }
  });

  it('end for all who wait, with the error for the first', async () => {
    const { source } = open();
    const waiting = [source.next(), source.next()];
    source.ended(evil, true);
    source.ended(undefined, false);
    await expect(waiting[0]).rejects.toBe(evil);
    expect(await waiting[1]).toEqual(end);
  });

  it('are gone when the reader leaves, who waits for the end', async () => {
    const { source, log } = open();
    source.arrived([1, 2]);
    const waiting = source.close();
    source.arrived([3]);
    expect(source.take()).toBe(null);
    expect(log).toEqual(['close']);
    source.ended(undefined, false);
    await waiting;
    expect(await source.next()).toEqual(end);
    await source.close();
    expect(log).toEqual(['close']);
  });

  it('end for who waits when the reader leaves, and what went wrong then is told to who leaves', async () => {
    const { source } = open();
    const waiting = source.next();
    const left = source.close();
    source.ended(evil, true);
    expect(await waiting).toEqual(end);
    await expect(left).rejects.toBe(evil);
  });

  it('are refused to who waits when they are aborted, and the other side is told unless it has ended', async () => {
    const { source, log } = open();
    const waiting = source.next();
    source.abort(evil);
    await expect(waiting).rejects.toBe(evil);
    source.ended(undefined, false);
    source.abort(evil);
    expect(log).toEqual(['pull', ['abort', evil]]);
  });
});
