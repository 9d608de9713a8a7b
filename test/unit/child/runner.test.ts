import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BusyPoll } from '../../../src/protocol/busy-poll.js';
import { Claims } from '../../../src/protocol/claims.js';
import { decodeError, type ErrorRecord, encodeError } from '../../../src/protocol/error-record.js';
import { taskContext } from '../../../src/tasks/task-context.js';
import { transferable } from '../../../src/tasks/transferable.js';
import { CODE, FakeParent } from './fake-parent.js';

const clock = vi.hoisted(() => ({ time: 1000 }));
vi.mock('../../../src/child/clock.js', () => ({ now: () => clock.time }));

/** What tasks, which come as source text, find as globals. */
declare const log: unknown[];
declare const spend: (time: number) => void;
declare const gates: (() => void)[];
declare const context: typeof taskContext;
declare const handOver: typeof transferable;

beforeEach(() => {
  vi.stubGlobal('log', []);
  vi.stubGlobal('gates', []);
  vi.stubGlobal('spend', (time: number) => {
    clock.time += time;
  });
  vi.stubGlobal('context', taskContext);
  vi.stubGlobal('handOver', transferable);
});
afterEach(() => void vi.unstubAllGlobals());

/** A task that ends when its gate is opened. */
const gated = (n: number) =>
  new Promise<number>((resolve) => {
    log.push(n);
    gates[n] = () => resolve(n);
  });
const returned = (n: number) => {
  log.push(n);
  return n;
};
const turn = () => new Promise((resolve) => setImmediate(resolve));
const errorOf = (record: unknown) => decodeError(record as ErrorRecord) as Error;
const module = new URL('./tasks.js', import.meta.url).href;
const aborted = encodeError(new Error('enough'));

describe('A runner', () => {
  test('says that tasks can come', () => {
    const parent = new FakeParent();
    parent.runner.start();
    expect(parent.messages).toEqual([[['ready']]]);
  });

  test('tells the result of a task, and when it was made', async () => {
    const parent = new FakeParent();
    await parent.run(
      (n: number) => {
        spend(5);
        return n * 2;
      },
      [21],
    );
    const [done] = await parent.hears('done');
    expect(done).toEqual([0, 42, clock.time - 5, clock.time]);
  });

  test('runs an export of a module', async () => {
    const parent = new FakeParent();
    parent.say((to) => {
      to.reference(CODE, module, 'double');
      to.run(0, 1, CODE, 'task', 1, undefined, [21]);
    });
    expect((await parent.hears('done'))[0]?.slice(0, 2)).toEqual([0, 42]);
  });

  test.each([
    ['double.js', 'double', "can't be loaded"],
    ['tasks.js', 'nothing', 'has no export `nothing`: it exports `double`, `missing`'],
    ['tasks.js', 'notAFunction', 'is no function but number'],
  ])('is as good as before when there is no function %s#%s', async (file, name, message) => {
    const parent = new FakeParent();
    parent.say((to) => {
      to.reference(CODE, new URL(file, import.meta.url).href, name);
      to.run(0, 1, CODE, 'task', 1, undefined, []);
    });
    const [slot, record] = (await parent.hears('failed'))[0] ?? [];
    expect(slot).toBe(0);
    expect(errorOf(record)).toMatchObject({ code: 'ERR_TASK_MODULE', message: expect.stringContaining(message) });
    await parent.run(returned, [1]);
    expect((await parent.hears('done'))[0]?.[1]).toBe(1);
  });

  test('runs so many tasks at a time, in the order in which they came', async () => {
    const parent = new FakeParent(2);
    await parent.run(gated, [0], [1], [2], [3]);
    expect(log).toEqual([0, 1]);
    gates[1]?.();
    await parent.hears('done');
    expect(log).toEqual([0, 1, 2]);
    gates[2]?.();
    gates[0]?.();
    await parent.hears('done', 3);
    expect(log).toEqual([0, 1, 2, 3]);
    gates[3]?.();
    const done = await parent.hears('done', 4);
    expect(done.map(([slot, value]) => [slot, value])).toEqual([1, 2, 0, 3].map((n) => [n, n]));
  });

  test('knows no function any more that it was told to forget, and learns the next one of that number', async () => {
    const parent = new FakeParent();
    await parent.run('() => 1', []);
    parent.say((to) => {
      to.forget();
      to.source(CODE, '() => 2');
      to.run(0, 2, CODE, 'task', 1, undefined, []);
    });
    const done = await parent.hears('done', 2);
    expect(done.map(([, value]) => value)).toEqual([1, 2]);
  });

  test('tells how much memory there is in use', () => {
    const parent = new FakeParent();
    parent.say((to) => to.measure());
    expect(parent.heard).toEqual([['measured', 12345]]);
  });

  test('tells what there is to tell before it exits', () => {
    const parent = new FakeParent();
    parent.say((to) => {
      to.measure();
      to.stop();
    });
    expect(parent.heard).toEqual([['measured', 12345]]);
    expect(parent.hasExited).toBe(true);
  });

  test('tells of the error nobody caught, and that there was nothing else', () => {
    const parent = new FakeParent();
    parent.runner.crashed(new RangeError('oh'));
    parent.runner.ends();
    expect(parent.heard.map(([name]) => name)).toEqual(['crashed', 'ends']);
    expect(errorOf(parent.heard[0]?.[1])).toEqual(new RangeError('oh'));
  });

  test('gives up when it was told something that can not be read', async () => {
    const parent = new FakeParent();
    parent.runner.unreadable(new Error('bad bytes'));
    expect(parent.heard.map(([name]) => name)).toEqual(['crashed', 'ends']);
    expect(errorOf(parent.heard[0]?.[1]).message).toBe("a message can't be read: bad bytes");
    expect(parent.hasExited).toBe(true);
  });
});

describe('What a task ends with', async () => {
  const failing = async (source: string | ((...args: never[]) => unknown)) => {
    const parent = new FakeParent();
    await parent.run(source, []);
    const [, record] = (await parent.hears('failed'))[0] ?? [];
    return errorOf(record);
  };

  test('an error, at once or later', async () => {
    const throws = () => {
      throw new RangeError('no such row');
    };
    const rejects = async () => {
      throw new RangeError('no such row');
    };
    expect(await failing(throws)).toEqual(new RangeError('no such row'));
    expect(await failing(rejects)).toEqual(new RangeError('no such row'));
  });

  test('a name that its source lacks is told to be missing because it is source', async () => {
    expect((await failing('() => nothingOfThisName')).message).toMatch(
      /^nothingOfThisName is not defined \(the function was sent to the worker by its source,/,
    );
    const parent = new FakeParent();
    parent.say((to) => {
      to.reference(CODE, module, 'missing');
      to.run(0, 1, CODE, 'task', 1, undefined, []);
    });
    const [, record] = (await parent.hears('failed'))[0] ?? [];
    expect(errorOf(record).message).toBe('nothingOfThisName is not defined');
  });

  test('a source that is no program', async () => {
    expect(await failing('() => {')).toBeInstanceOf(SyntaxError);
  });

  test.each([
    ['a thenable that throws', '() => ({ then() { throw new Error("evil") } })'],
    [
      'a promise with a `then` of its own that throws',
      '() => new (class extends Promise { then() { throw new Error("evil") } })(() => {})',
    ],
    ['a getter of `then` that throws', '() => ({ get then() { throw new Error("evil") } })'],
    [
      'a thenable that throws when it is asked again',
      '() => { let n = 0; return { get then() { if (n++) throw new Error("evil"); return () => {}; } } }',
    ],
    ['a proxy that throws', '() => new Proxy({}, { has() { throw new Error("evil") } })'],
    ['an iterator that can not be had', '() => ({ [Symbol.asyncIterator]() { throw new Error("evil") } })'],
  ])('%s', async (_, source) => {
    expect(await failing(source)).toEqual(new Error('evil'));
  });

  test('a promise behind a proxy fails as when it is awaited', async () => {
    expect(await failing('() => new Proxy(Promise.resolve(1), {})')).toBeInstanceOf(TypeError);
  });

  test('a thenable that settles twice has settled once', async () => {
    const parent = new FakeParent();
    await parent.run('() => ({ then(resolve, reject) { resolve(1); resolve(2); reject(3); } })', []);
    expect((await parent.hears('done'))[0]?.[1]).toBe(1);
    await turn();
    expect(parent.heard).toHaveLength(1);
  });

  test('what can not be sent: says where it is, and what came with it arrives', async () => {
    const parent = new FakeParent(3);
    await parent.run(async (n: number) => (n === 1 ? { rows: [1, () => {}] } : n), [0], [1], [2]);
    const done = await parent.hears('done', 2);
    expect(done.map(([slot]) => slot)).toEqual([0, 2]);
    const [slot, record, startedAt, endedAt] = (await parent.hears('failed'))[0] ?? [];
    expect([slot, startedAt, endedAt]).toEqual([1, clock.time, clock.time]);
    expect(errorOf(record)).toMatchObject({
      code: 'ERR_NOT_PORTABLE',
      message: expect.stringContaining("The result at `.rows[1]` can't be sent from the worker"),
    });
  });

  test('what is handed over is no longer there', async () => {
    vi.stubGlobal('bytes', new Uint8Array(8));
    const parent = new FakeParent(2);
    await parent.run('async (n) => n === 0 ? 5 : handOver(bytes, [bytes.buffer])', [0], [1]);
    const done = await parent.hears('done', 2);
    expect(done.map(([, value]) => value)).toEqual([5, new Uint8Array(8)]);
    expect((globalThis as unknown as { bytes: Uint8Array }).bytes.byteLength).toBe(0);
  });
});

describe('What a task knows of itself', () => {
  test('its id, attempt, series and worker', async () => {
    const parent = new FakeParent();
    parent.say((to) => {
      to.source(
        CODE,
        String(() => {
          const { id, attempt, series, workerId } = context();
          return { id, attempt, series, workerId };
        }),
      );
      to.run(0, 1, CODE, 'mine', 3, 'user 1', []);
    });
    expect((await parent.hears('done'))[0]?.[1]).toEqual({ id: 'mine', attempt: 3, series: 'user 1', workerId: 7 });
  });

  test.each([
    ['asked for before it aborts', 0],
    ['asked for after it has aborted', 1],
  ])('its signal, %s, with the reason', async (_, asksLate) => {
    const parent = new FakeParent();
    await parent.run(
      async (asksLate: number) => {
        const own = context();
        const { signal } = asksLate ? { signal: null } : own;
        await new Promise<void>((resolve) => gates.push(resolve));
        return ((signal ?? own.signal).reason as Error).message;
      },
      [asksLate],
    );
    parent.say((to) => to.abort(0, 1, aborted));
    expect(parent.heard).toEqual([['aborted', 0, 1]]);
    gates[0]?.();
    expect((await parent.hears('done'))[0]?.[1]).toBe('enough');
  });

  test('how far it is, which is told until it has ended', async () => {
    const parent = new FakeParent();
    await parent.run(async () => {
      const { report } = context();
      report(0.5);
      // Nobody is told what can't be sent.
      report(() => {});
      await new Promise<void>((resolve) => gates.push(resolve));
      gates.push(() => report(1));
    }, []);
    gates[0]?.();
    await parent.hears('done');
    gates[1]?.();
    await turn();
    expect(parent.heard.map(([name]) => name)).toEqual(['progress', 'done']);
    expect(parent.fieldsOf('progress')).toEqual([[0, 0.5]]);
  });
});

describe('What has not started', async () => {
  test('is given back on request, and only then', async () => {
    const parent = new FakeParent();
    await parent.run(gated, [0], [1], [2]);
    parent.say((to) => {
      to.recall(1, 2);
      to.recall(0, 1);
      to.recall(5, 99);
    });
    expect(parent.heard).toEqual([
      ['recalled', 1, 2, true],
      ['recalled', 0, 1, false],
      ['recalled', 5, 99, false],
    ]);
    gates[0]?.();
    await parent.hears('done');
    expect(log).toEqual([0, 2]);
  });

  test('never does after it was aborted', async () => {
    const parent = new FakeParent();
    await parent.run(gated, [0], [1]);
    parent.say((to) => to.abort(1, 2, aborted));
    expect(parent.heard).toEqual([
      ['aborted', 1, 2],
      ['failed', 1, aborted, 0, 0],
    ]);
    gates[0]?.();
    await parent.hears('done');
    expect(log).toEqual([0]);
  });

  test('is not taken for what runs in its slot now', async () => {
    const parent = new FakeParent();
    await parent.run(gated, [0]);
    parent.say((to) => {
      to.abort(0, 99, aborted);
      to.pull(0, 99);
      to.close(0, 99);
    });
    expect(parent.heard).toEqual([['aborted', 0, 99]]);
  });

  test('is started only if its parent has not taken it back meanwhile', async () => {
    const claims = Claims.create(3);
    const parent = new FakeParent(1, claims);
    for (let slot = 0; slot < 3; slot++) claims.offer(slot, slot + 1);
    await parent.run(gated, [0], [1], [2]);
    expect(claims.revoke(0, 1)).toBe(false);
    expect(claims.revoke(1, 2)).toBe(true);
    gates[0]?.();
    await parent.hears('done');
    expect(log).toEqual([0, 2]);
  });
});

describe('A result', async () => {
  const claims = () => {
    const claims = Claims.create(10);
    for (let slot = 0; slot < 10; slot++) claims.offer(slot, slot + 1);
    return claims;
  };
  const lasting = (time: number) => `(n) => { log.push(n); spend(${time}); return n; }`;
  /** How many results each message had. */
  const sizes = (parent: FakeParent) => parent.messages.map((message) => message.length);

  test('does not wait for a task that may be long', async () => {
    const parent = new FakeParent(1, claims());
    await parent.run(lasting(1), [0], [1], [2]);
    expect(sizes(parent)).toEqual([1, 1, 1]);
  });

  test('waits for those of tasks that are short, but not for many', async () => {
    const parent = new FakeParent(1, claims());
    await parent.run(lasting(0.04), ...Array.from({ length: 20 }, (_, n) => [n]));
    expect(log).toHaveLength(20);
    // Results of half a millisecond go together.
    expect(sizes(parent)).toEqual([14, 6]);
  });

  test('does not wait for a function that was long once', async () => {
    const parent = new FakeParent(1, claims());
    await parent.run('(n) => { spend(n === 0 ? 10 : 0.01); return n; }', [0], [1], [2], [3]);
    expect(sizes(parent)).toEqual([1, 1, 1, 1]);
  });

  test('is heard before the next task begins, where that can be taken back by a message only', async () => {
    const parent = new FakeParent();
    await parent.run(lasting(1), [0], [1], [2]);
    expect(sizes(parent)).toEqual([1]);
    expect(log).toEqual([0]);
    parent.say((to) => to.recall(1, 2));
    expect(parent.fieldsOf('recalled')).toEqual([[1, 2, true]]);
    await parent.hears('done', 2);
    expect(log).toEqual([0, 2]);
  });
});

describe('A task that has returned an iterator', async () => {
  const squares = () => {
    function* squares() {
      try {
        for (let n = 1; n <= 3; n++) yield n * n;
      } finally {
        log.push('over');
      }
    }
    return squares();
  };

  test('makes nothing before it is asked, and then all that there is', async () => {
    const parent = new FakeParent();
    await parent.run(squares, []);
    expect(parent.heard).toEqual([['iterates', 0, clock.time, clock.time]]);
    parent.say((to) => to.pull(0, 1));
    await parent.hears('iterated');
    expect(parent.heard.slice(1)).toEqual([
      ['items', 0, [1, 4, 9]],
      ['iterated', 0, null],
    ]);
    parent.say((to) => to.pull(0, 1));
    parent.say((to) => to.close(0, 1));
    expect(parent.heard).toHaveLength(3);
  });

  test('leaves its place to the next one', async () => {
    const parent = new FakeParent();
    await parent.run(squares, [], []);
    await parent.hears('iterates', 2);
    parent.say((to) => {
      to.pull(1, 2);
      to.pull(0, 1);
    });
    await parent.hears('iterated', 2);
    expect(parent.fieldsOf('items').map(([slot]) => slot)).toEqual([1, 0]);
  });

  test('is told that its reader has left', async () => {
    const parent = new FakeParent();
    await parent.run(
      'async function* () { try { for (let n = 1; ; n++) { yield n; await new Promise(() => {}); } } finally { log.push("over"); } }',
      [],
    );
    await parent.hears('iterates');
    parent.say((to) => to.close(0, 1));
    expect(await parent.hears('iterated')).toEqual([[0, null]]);
    // Never begun, it has nothing to tidy.
    expect(log).toEqual([]);
  });

  test('has its signal, its context and its progress to the end', async () => {
    const parent = new FakeParent();
    await parent.run(
      String(() => {
        const { signal, report } = context();
        return (async function* () {
          yield context().id;
          report('half');
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          throw signal.reason;
        })();
      }),
      [],
    );
    parent.say((to) => to.pull(0, 1));
    await parent.hears('progress');
    parent.say((to) => to.abort(0, 1, aborted));
    const [, record] = (await parent.hears('iterated'))[0] ?? [];
    expect(errorOf(record).message).toBe('enough');
    expect(parent.fieldsOf('items')).toEqual([[0, ['task 0']]]);
  });

  test('is told which item can not be sent', async () => {
    const parent = new FakeParent();
    await parent.run('function* () { yield 1; yield { deep: [() => {}] }; yield 3; }', []);
    parent.say((to) => to.pull(0, 1));
    const [, record] = (await parent.hears('iterated'))[0] ?? [];
    expect(errorOf(record)).toMatchObject({
      code: 'ERR_NOT_PORTABLE',
      message: expect.stringContaining("The item at `.deep[0]` can't be sent"),
    });
    expect(parent.fieldsOf('items')).toEqual([[0, [1]]]);
  });
});

describe('A runner that was told to stay awake', () => {
  /** Writes down for how many turns it is started; null when it is stopped. */
  class FakePoll extends BusyPoll {
    readonly log: (number | null)[] = [];
    override start(turns: number): void {
      this.log.push(turns);
    }
    override stop(): void {
      this.log.push(null);
    }
  }

  test('does so when it has told a result, until something comes', async () => {
    const poll = new FakePoll();
    const parent = new FakeParent(1, null, poll);
    parent.say((to) => to.stayAwake(7));
    poll.log.length = 0;
    await parent.run(returned, [1]);
    expect(poll.log).toEqual([null, 7]);
    parent.say((to) => to.stayAwake(0));
    await parent.run(returned, [2]);
    expect(poll.log).toEqual([null, 7, null, null, 0]);
  });

  test('does not while a task runs', async () => {
    const poll = new FakePoll();
    const parent = new FakeParent(2, null, poll);
    parent.say((to) => to.stayAwake(7));
    await parent.run(gated, [0], [1]);
    poll.log.length = 0;
    gates[0]?.();
    await parent.hears('done', 1);
    expect(poll.log).toEqual([]);
    gates[1]?.();
    await parent.hears('done', 2);
    expect(poll.log).toEqual([7]);
  });

  test('does not while a task is about to run', async () => {
    const poll = new FakePoll();
    const parent = new FakeParent(1, null, poll);
    parent.say((to) => to.stayAwake(7));
    poll.log.length = 0;
    // The first takes so long that its result is told before the second begins.
    await parent.run(
      (n: number) => {
        spend(5);
        return n;
      },
      [1],
      [2],
    );
    await parent.hears('done', 1);
    expect(poll.log).toEqual([null]);
    await parent.hears('done', 2);
    expect(poll.log).toEqual([null, 7]);
  });

  test('does so when it has sent items', async () => {
    const poll = new FakePoll();
    const parent = new FakeParent(1, null, poll);
    await parent.run(async function* () {
      yield 1;
      await new Promise(() => {});
    }, []);
    await parent.hears('iterates');
    poll.log.length = 0;
    parent.say((to) => {
      to.stayAwake(7);
      to.pull(0, 1);
    });
    await parent.hears('items');
    expect(poll.log).toEqual([null, 7]);
  });

  test('does so when its result could not be sent', async () => {
    const poll = new FakePoll();
    const parent = new FakeParent(1, null, poll);
    parent.say((to) => to.stayAwake(7));
    poll.log.length = 0;
    await parent.run(() => () => {}, []);
    await parent.hears('failed');
    expect(poll.log).toEqual([null, 7]);
  });
});
