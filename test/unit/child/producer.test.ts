import { describe, expect, test, vi } from 'vitest';
import { Producer } from '../../../src/child/producer.js';
import type { AnyIterator } from '../../../src/iteration/iterators.js';
import { type Transferable, transferable } from '../../../src/tasks/transferable.js';
import { deferred } from '../deferred.js';

const clock = vi.hoisted(() => ({ time: 1000 }));
vi.mock('../../../src/child/clock.js', () => ({ now: () => clock.time }));

const KB = 1024;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A producer and what its owner hears of it. */
function produce(iterator: AnyIterator) {
  const batches: unknown[][] = [];
  const handedOver: (readonly Transferable[])[] = [];
  let end: { error: unknown } | 'none' | undefined;
  const ended = deferred();
  const producer = new Producer(iterator, {
    postItems(items, transfer) {
      batches.push(structuredClone(items, { transfer: [...transfer] as ArrayBuffer[] }));
      handedOver.push(transfer);
    },
    inContext: (fn) => fn(),
    ended(error) {
      if (end !== undefined) throw new Error('it has ended before');
      end = error ?? 'none';
      ended.resolve();
    },
    refusal: (item, cause) => new Error(`refused: ${String(item)}`, { cause }),
  });
  return {
    producer,
    batches,
    handedOver,
    sizes: () => batches.map((batch) => batch.length),
    /** 'none', or the error it has ended with; undefined before the end. */
    get end() {
      return end;
    },
    ended: ended.promise,
  };
}

function* numbers(from: number, to = Number.POSITIVE_INFINITY) {
  for (let n = from; n <= to; n++) yield n;
}

/** An iterator that writes down what is asked of it and is answered by hand. */
function byHand() {
  const log: string[] = [];
  const answers: ReturnType<typeof deferred<IteratorResult<unknown>>>[] = [];
  const iterator = {
    next() {
      log.push('next');
      const answer = deferred<IteratorResult<unknown>>();
      answers.push(answer);
      return answer.promise;
    },
    return() {
      log.push('return');
    },
  };
  return { iterator, log, answers, give: (value: unknown) => answers.at(-1)?.resolve({ value, done: false }) };
}

describe('Ahead of its reader a producer makes', () => {
  test('nothing before the reader asks', () => {
    const { batches } = produce(numbers(1));
    expect(batches).toEqual([]);
  });

  test('four batches of 128 items, and one more for each that was read', () => {
    const { producer, batches, sizes } = produce(numbers(0));
    producer.pull();
    expect(sizes()).toEqual([128, 128, 128, 128]);
    producer.pull();
    expect(sizes()).toEqual([128, 128, 128, 128, 128]);
    expect(batches.flat()).toEqual([...numbers(0, 639)]);
  });

  test('batches of a quarter of a megabyte, until there is one unread', () => {
    // A character is taken to need two bytes.
    const text = 'x'.repeat(50 * KB);
    function* texts() {
      for (;;) yield text;
    }
    const { producer, sizes } = produce(texts());
    producer.pull();
    expect(sizes()).toEqual([3, 3, 3, 2]);
    producer.pull();
    expect(sizes()).toEqual([3, 3, 3, 2, 3]);
  });

  test('always one item, however large', () => {
    function* buffers() {
      for (;;) yield new Uint8Array(2048 * KB);
    }
    const { producer, sizes } = produce(buffers());
    for (let n = 1; n <= 3; n++) {
      producer.pull();
      expect(sizes()).toEqual(Array(n).fill(1));
    }
  });

  test('no more than fits in a millisecond without letting others have their turn', async () => {
    let isOthersTurn = true;
    function* slow() {
      for (let n = 0; n < 4; n++) {
        isOthersTurn = false;
        clock.time += 0.6;
        yield n;
      }
    }
    const { producer, sizes, ended } = produce(slow());
    producer.pull();
    setImmediate(() => {
      isOthersTurn = true;
    });
    expect(sizes()).toEqual([2]);
    // It goes on by itself: asking it does not make it go on at once.
    producer.pull();
    expect(sizes()).toEqual([2]);
    await ended;
    expect(sizes()).toEqual([2, 2]);
    expect(isOthersTurn).toBe(true);
  });
});

describe('Items that have to be waited for', () => {
  test('and come in one turn of the event loop are one batch', async () => {
    async function* three() {
      yield 1;
      yield 2;
      await turn();
      await turn();
      yield 3;
    }
    const { producer, batches, ended } = produce(three());
    producer.pull();
    await ended;
    expect(batches).toEqual([[1, 2], [3]]);
  });

  test('are those of an iterator of promises, too', async () => {
    const { producer, batches, ended } = produce([Promise.resolve(1), 2, Promise.resolve(3)].values());
    producer.pull();
    await ended;
    expect(batches.flat()).toEqual([1, 2, 3]);
  });

  test('are asked for one after the other, whatever the reader asks', async () => {
    const { iterator, log, give } = byHand();
    const { producer, batches } = produce(iterator);
    producer.pull();
    producer.pull();
    expect(log).toEqual(['next']);
    give('a');
    await turn();
    expect(log).toEqual(['next', 'next']);
    expect(batches).toEqual([['a']]);
  });
});

describe('The end of an iteration is told', () => {
  test('once, after all items', async () => {
    const made = produce(numbers(1, 3));
    made.producer.pull();
    expect(made.batches).toEqual([[1, 2, 3]]);
    expect(made.end).toBe('none');
    made.producer.pull();
    made.producer.close();
    await turn();
    expect(made.batches).toEqual([[1, 2, 3]]);
  });

  const evil = new Error('evil');
  const never = new Promise<never>(() => {});
  test.each<[string, () => AnyIterator, unknown]>([
    [
      'a generator that throws',
      function* (): Generator<unknown, void> {
        yield 1;
        throw evil;
      },
      evil,
    ],
    [
      'an async one that does',
      async function* (): AsyncGenerator<number, void> {
        yield 1;
        throw evil;
      },
      evil,
    ],
    [
      'a promised item that rejects',
      function* (): Generator<unknown, void> {
        yield 1;
        yield Promise.reject(evil);
      },
      evil,
    ],
    ['an iterator that gives no result', () => ({ next: () => undefined as never }), expect.any(TypeError)],
    ['an iterator that gives no result later', () => ({ next: async () => undefined as never }), expect.any(TypeError)],
    [
      'a result whose value throws',
      () => ({
        next: async () => ({
          done: false,
          get value() {
            throw evil;
          },
        }),
      }),
      evil,
    ],
    [
      'a thenable that throws',
      () => ({
        next: () => ({
          // biome-ignore lint/suspicious/noThenProperty: it is the subject.
          then() {
            throw evil;
          },
        }),
      }),
      evil,
    ],
    [
      'a promise with a `then` of its own that throws',
      () => ({
        next: () =>
          Object.assign(new Promise<never>(() => {}), {
            // biome-ignore lint/suspicious/noThenProperty: it is the subject.
            then() {
              throw evil;
            },
          }),
      }),
      evil,
    ],
  ])('with the error of %s', async (_, make, error) => {
    const made = produce(make());
    made.producer.pull();
    await made.ended;
    expect(made.end).toEqual({ error });
    expect(made.batches.flat().every((item) => item === 1)).toBe(true);
  });

  test('once, although a thenable settles twice', async () => {
    let n = 0;
    const made = produce({
      next: () => ({
        // biome-ignore lint/suspicious/noThenProperty: it is the subject.
        then(resolve?: ((result: IteratorResult<number>) => unknown) | null) {
          const result = { value: n, done: n++ === 1 };
          resolve?.(result);
          resolve?.(result);
          return never;
        },
      }),
    });
    made.producer.pull();
    await made.ended;
    await turn();
    expect(made.batches).toEqual([[0]]);
    expect(made.end).toBe('none');
  });
});

describe('When its reader leaves, a producer', () => {
  test('has the `finally` of the generator run, and says when it has', async () => {
    const gate = deferred();
    async function* endless() {
      try {
        for (;;) yield 1;
      } finally {
        await gate.promise;
      }
    }
    const made = produce(endless());
    made.producer.pull();
    await turn();
    made.producer.close();
    made.producer.close();
    await turn();
    expect(made.end).toBeUndefined();
    gate.resolve();
    await made.ended;
    expect(made.end).toBe('none');
  });

  test('tells what the `finally` threw', async () => {
    const error = new Error('untidy');
    function* endless() {
      try {
        for (;;) yield 1;
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: it is the subject.
        throw error;
      }
    }
    const made = produce(endless());
    made.producer.pull();
    made.producer.close();
    await made.ended;
    expect(made.end).toEqual({ error });
  });

  test('waits for the item in the making, and sends it to nobody', async () => {
    const { iterator, log, give } = byHand();
    const made = produce(iterator);
    made.producer.pull();
    made.producer.close();
    expect(log).toEqual(['next']);
    give('late');
    await made.ended;
    expect(log).toEqual(['next', 'return']);
    expect(made.batches).toEqual([]);
    expect(made.end).toBe('none');
  });

  test('forgives that the item in the making fails', async () => {
    const { iterator, log, answers } = byHand();
    const made = produce(iterator);
    made.producer.pull();
    made.producer.close();
    answers[0]?.reject(new Error('too late'));
    await made.ended;
    expect(log).toEqual(['next', 'return']);
    expect(made.end).toBe('none');
  });

  test('sends nothing of what it has not sent', async () => {
    function* slow() {
      for (;;) {
        clock.time += 0.6;
        yield 1;
      }
    }
    const made = produce(slow());
    made.producer.pull();
    made.producer.close();
    await made.ended;
    await turn();
    expect(made.sizes()).toEqual([2]);
  });

  test('needs no `return` of an iterator', async () => {
    const made = produce({ next: () => ({ value: 1, done: false }) });
    made.producer.pull();
    made.producer.close();
    await made.ended;
    expect(made.end).toBe('none');
  });
});

describe('What is handed over', () => {
  const bytes = () => new Uint8Array(8);

  test('is gone, and its item is the last of its batch', () => {
    const made = [bytes(), bytes()];
    const { producer, batches, handedOver } = produce(made.map((one) => transferable(one, [one.buffer])).values());
    producer.pull();
    expect(batches).toEqual([[bytes()], [bytes()]]);
    expect(handedOver).toHaveLength(2);
    expect(made.map((one) => one.byteLength)).toEqual([0, 0]);
  });

  test('goes with its item when another of the batch can not be sent', async () => {
    const deep = { rows: [bytes()] };
    const buffer = deep.rows[0]?.buffer as ArrayBuffer;
    const log: string[] = [];
    function* items() {
      try {
        yield 1;
        yield transferable(deep, [buffer]);
        yield () => {};
        yield 4;
      } finally {
        log.push('over');
      }
    }
    const made = produce(items());
    made.producer.pull();
    await made.ended;
    expect(made.batches).toEqual([[1, { rows: [bytes()] }]]);
    expect(buffer.byteLength).toBe(0);
    expect(made.end).toEqual({ error: expect.objectContaining({ message: 'refused: () => {}' }) });
    made.producer.pull();
    await turn();
    expect(made.batches).toHaveLength(1);
  });
});

describe('An item is sent as it was when it was made', () => {
  test('in one batch with others if a flat copy is all it takes', () => {
    function* rows() {
      const row = { n: 0 };
      for (row.n = 1; row.n <= 3; row.n++) yield row;
    }
    const { producer, batches } = produce(rows());
    producer.pull();
    expect(batches).toEqual([[{ n: 1 }, { n: 2 }, { n: 3 }]]);
  });

  test('at once with those before it if it takes more', () => {
    function* rows() {
      const row = { list: [0] };
      yield 'first';
      for (let n = 1; n <= 3; n++) {
        row.list[0] = n;
        yield row;
      }
    }
    const { producer, batches } = produce(rows());
    producer.pull();
    expect(batches).toEqual([['first', { list: [1] }], [{ list: [2] }], [{ list: [3] }]]);
  });
});
