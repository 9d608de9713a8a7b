import type { Redis as Client } from 'ioredis';
import { expect, test } from 'vitest';
import { Keys } from '../../../src/bullmq/keys.js';
import { Post } from '../../../src/bullmq/post.js';

function open(xadd: (...args: string[]) => Promise<unknown> = async () => '1-0') {
  const entries: string[][] = [];
  const refused: unknown[][] = [];
  const client = {
    xadd: (...args: string[]) => {
      entries.push(args);
      return xadd(...args);
    },
  };
  const keys = new Keys('queue', 'prefix');
  const post = new Post(client as unknown as Client, keys, (...what) => refused.push(what));
  return { post, entries, refused, inbox: (member: string) => keys.inbox(member) };
}

test('what one member gets in a turn is one entry, and is on its way when `written` resolves', async () => {
  const { post, entries, inbox } = open();
  post.send('a', 1, 'one');
  post.send('b', 2, 'two');
  post.send('a', 3, 'three');
  expect(entries).toEqual([]);
  await post.written();
  expect(entries).toEqual([
    [inbox('a'), 'NOMKSTREAM', '*', '1', 'one', '3', 'three'],
    [inbox('b'), 'NOMKSTREAM', '*', '2', 'two'],
  ]);
  await post.written();
  expect(entries).toHaveLength(2);
});

test('who sent what Redis refuses is told which tasks it was about', async () => {
  const error = new Error('OOM');
  const { post, refused } = open(() => Promise.reject(error));
  for (const job of [1, 2, 1]) post.send('a', job, 'hello');
  await post.written();
  await new Promise(setImmediate);
  expect(refused).toEqual([['a', [1, 2], error]]);
});

test('who sends to a member without an inbox is told so', async () => {
  const { post, refused } = open(async () => null);
  post.send('a', 1, 'hello');
  await post.written();
  await new Promise(setImmediate);
  expect(refused).toEqual([['a', [1], null]]);
});
