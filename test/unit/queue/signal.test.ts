import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { errorOf, queueOf } from './helpers.js';

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

describe('The signal of a call', () => {
  test('that aborts as the queue tells that the task is done ends the iteration, and keeps no listener', async () => {
    const queue = queueOf();
    const controller = new AbortController();
    let isClosed = false;
    queue.on('done', () => controller.abort('enough'));
    const generate = async function* () {
      try {
        yield 1;
      } finally {
        isClosed = true;
      }
    };
    const items = await queue.call(generate, [], { signal: controller.signal });
    expect(await errorOf(items.next())).toBe('enough');
    expect(await items.next()).toEqual({ value: undefined, done: true });
    expect([isClosed, listeners(controller.signal)]).toEqual([false, 0]);
  });

  test('has one listener for all its tasks and iterations, and none when they are over', async () => {
    const queue = queueOf();
    const { signal } = new AbortController();
    const generate = function* () {
      yield 1;
      yield 2;
    };
    const iterations = await Promise.all(Array.from({ length: 20 }, () => queue.call(generate, [], { signal })));
    const calls = Array.from({ length: 20 }, (_, i) => queue.call((n: number) => n, [i], { signal }));
    expect(listeners(signal)).toBe(1);
    await Promise.all(calls);
    expect(listeners(signal)).toBe(1);
    for (const [i, items] of iterations.entries()) {
      if (i % 2 === 0) await items.return?.();
      else for await (const _ of items);
    }
    expect(listeners(signal)).toBe(0);
  });
});
