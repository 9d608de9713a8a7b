import type { Redis as Client } from 'ioredis';
import { expect, test } from 'vitest';
import { Inbox } from '../../../src/bullmq/inbox.js';

type Entry = [id: string, fields: string[]];

/** A Redis with one stream, of which a test says when a read that waits ends. */
class FakeRedis {
  entries: Entry[] | null = null;
  #count = 0;
  #end: ((streams: [string, Entry[]][] | null) => void) | null = null;

  add(id: string, message: string): void {
    this.entries?.push([id, ['1', message]]);
  }

  /** Resolves when a read waits. */
  async readWaits(): Promise<void> {
    while (this.#end === null) await new Promise(setImmediate);
  }

  /** Ends the read that waits, or the next that does. */
  async endRead(entries: Entry[] | null): Promise<void> {
    await this.readWaits();
    const end = this.#end;
    this.#end = null;
    end?.(entries === null ? null : [['inbox', entries]]);
  }

  async exists(): Promise<number> {
    return this.entries === null ? 0 : 1;
  }

  async xadd(): Promise<string> {
    const id = `0-${++this.#count}`;
    this.entries ??= [];
    this.entries.push([id, ['0', '']]);
    return id;
  }

  async eval(): Promise<string | null> {
    return this.entries?.at(-1)?.[0] ?? null;
  }

  async xread(...args: unknown[]): Promise<[string, Entry[]][] | null> {
    const [, last] = String(args.at(-1)).split('-').map(Number) as [number, number];
    const entries = this.entries?.filter(([id]) => Number(id.split('-')[1]) > last) ?? [];
    if (entries.length > 0) return [['inbox', entries]];
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async xdel(_: string, ...ids: string[]): Promise<void> {
    this.entries = this.entries?.filter(([id]) => !ids.includes(id)) ?? null;
  }

  disconnect(): void {
    this.#end?.(null);
  }
}

async function open() {
  const redis = new FakeRedis();
  const received: string[] = [];
  let idle = 0;
  const client = redis as unknown as Client;
  const inbox = new Inbox(client, client, 'inbox', {
    receive: (_, message) => received.push(message),
    idle: () => idle++,
  });
  expect(await inbox.make()).toBe(true);
  const reading = inbox.read();
  const close = async () => {
    inbox.close();
    await reading;
  };
  return { redis, inbox, received, idle: () => idle, close };
}

test('An inbox is made once, and again when it is gone', async () => {
  const { redis, inbox, close } = await open();
  expect(await inbox.make()).toBe(false);
  redis.entries = null;
  expect(await inbox.make()).toBe(true);
  await close();
});

test('An inbox that gets nothing for a while tells so, as it may be gone', async () => {
  const { redis, idle, close } = await open();
  await redis.endRead(null);
  await redis.endRead([]);
  expect(idle()).toBe(1);
  await close();
});

test('An inbox that was made anew is read from its beginning, although a clock was set back', async () => {
  const { redis, inbox, received, close } = await open();
  await redis.endRead([['0-100', ['1', 'old']]]);
  await redis.readWaits();
  redis.entries = null;
  await inbox.make();
  redis.add('0-7', 'new');
  // This read was to find what comes after `old`.
  await redis.endRead([['0-101', ['1', 'too late']]]);
  await inbox.received();
  expect(received).toEqual(['old', 'new']);
  await close();
});

test('Nobody can say that all was received of an inbox that is closed, or was made anew meanwhile', async () => {
  const { redis, inbox, received, close } = await open();
  await redis.endRead([]);
  redis.add('0-9', 'unread');
  const first = inbox.received();
  redis.entries = null;
  await inbox.make();
  await expect(first).rejects.toThrow('made anew');
  redis.add('0-9', 'unread');
  const second = inbox.received();
  await close();
  await expect(second).rejects.toThrow();
  expect(received).toEqual([]);
});
