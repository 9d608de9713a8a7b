import { isNiceqError, TaskCancelledError } from 'niceq';
import { BlockedError, CycleError, InvalidTransitionError, TaskNode, type Transition } from 'niceq/graph';
import { describe, expect, test, vi } from 'vitest';
import { decodeError, encodeError } from '../../../src/protocol/error-record.js';
import { deferred } from '../deferred.js';
import { failing, namesOf, ok, open, settle } from './helpers.js';

const path = ({ from, event, to }: Transition) => `${from}->${event}->${to}`;

describe('making a node', () => {
  test('it takes its name from the function when none is given', () => {
    function compile() {}
    expect(new TaskNode(compile).name).toBe('compile');
    expect(new TaskNode({ url: 'file:///tasks.js', name: 'render' }).name).toBe('render');
    expect(new TaskNode(() => {}).name).toBe('anonymous');
    expect(new TaskNode('', compile).name).toBe('');
  });

  test.each([
    [
      'no function',
      () => new TaskNode('x', 5 as never),
      'Expected `fn` to be a function or a task reference, got `5` (number)',
    ],
    [
      'options that are none',
      () => new TaskNode('x', () => 1, 5 as never),
      'Expected `options` to be an object, got `5`',
    ],
    ['an unknown state', () => new TaskNode('x', () => 1, { state: 'IDLE' as never }), 'Expected `state` to be one of'],
    [
      'args that are none',
      () => new TaskNode('x', () => 1, { args: 5 as never }),
      'Expected `args` to be an array or a function',
    ],
    [
      'a track that is none',
      () => new TaskNode('x', () => 1, { track: 5 as never }),
      'Expected `track` to be a boolean or a function',
    ],
    [
      'a cancelOnResult that is none',
      () => new TaskNode('x', () => 1, { cancelOnResult: 5 as never }),
      'Expected `cancelOnResult`',
    ],
    [
      'a cancelOnError that is none',
      () => new TaskNode('x', () => 1, { cancelOnError: 5 as never }),
      'Expected `cancelOnError`',
    ],
    ['call options that are none', () => new TaskNode('x', () => 1, { call: 5 as never }), 'Expected `call`'],
  ])('%s is refused', (_, make, message) => {
    expect(make).toThrow(message);
  });

  test('nothing runs', async () => {
    const fn = vi.fn();
    new TaskNode('a', fn).andThen('b', fn);
    await settle();
    expect(fn).not.toHaveBeenCalled();
  });
});

describe('the function', () => {
  test('gets the node, the results of what it requires, and a signal', async () => {
    const [a, b] = [ok('a'), new TaskNode('b', async () => 2)];
    const seen: unknown[] = [];
    const c = new TaskNode('c', ({ node, results, signal }) => seen.push(node, [...results], signal.aborted));
    await c.require(a, b).make();
    expect(seen).toEqual([
      c,
      [
        [a, 'a'],
        [b, 2],
      ],
      false,
    ]);
  });

  test('gets the args after that, also made of results', async () => {
    const a = new TaskNode('a', () => 2);
    const b = a.andThen('b', (_, x: number, y: number) => x + y, { args: [3, 4] });
    const c = new TaskNode('c', (_, x: number) => x * 2, { args: ({ results }) => [results.get(a)] }).require(a, b);
    await c.make();
    expect(await b.result).toBe(7);
    expect(await c.result).toBe(4);
  });

  test.each([[undefined], [null], [false], [0], ['']])('that returns %s makes the node DONE', async (value) => {
    const node = new TaskNode('n', () => value);
    expect(await node.make()).toBe(true);
    expect(node.state).toBe('DONE');
    expect(await node.result).toBe(value);
  });

  test('may return a promise, or anything with a then', async () => {
    const node = new TaskNode(
      'n',
      // biome-ignore lint/suspicious/noThenProperty: that is what it is about.
      () => ({ then: (resolve: (value: number) => void) => resolve(5) }) as PromiseLike<number>,
    );
    await node.make();
    expect(await node.result).toBe(5);
  });

  test('that throws makes the node FAILED, and `result` rejects with what it threw', async () => {
    const error = new Error('no');
    const node = failing('n', error);
    expect(await node.make()).toBe(false);
    expect(node.state).toBe('FAILED');
    await expect(node.result).rejects.toBe(error);
  });

  test('that throws with cancelOnError makes it CANCELLED, with the same result', async () => {
    const error = new Error('no');
    const node = new TaskNode('n', () => Promise.reject(error), { cancelOnError: true });
    await node.make();
    expect(node.state).toBe('CANCELLED');
    await expect(node.result).rejects.toBe(error);
  });

  test.each([
    [0, 'CANCELLED'],
    [1, 'DONE'],
  ])('that returns %d, with a cancelOnResult that wants none, makes it %s', async (value, state) => {
    const node = new TaskNode('n', () => value, { cancelOnResult: (result) => result === 0 });
    await node.make();
    expect(node.state).toBe(state);
    if (state === 'CANCELLED') await expect(node.result).rejects.toBeInstanceOf(TaskCancelledError);
  });

  test('a cancelOnResult that throws makes the node FAILED', async () => {
    const node = new TaskNode('n', () => 1, {
      cancelOnResult: () => {
        throw new Error('bad test');
      },
    });
    await node.make();
    expect(node.state).toBe('FAILED');
    await expect(node.result).rejects.toThrow('bad test');
  });

  test('args that throw make the node FAILED', async () => {
    const node = new TaskNode('n', () => 1, {
      args: () => {
        throw new Error('bad args');
      },
    });
    await node.make();
    await expect(node.result).rejects.toThrow('bad args');
    expect(node.state).toBe('FAILED');
  });
});

describe('result', () => {
  test('can be taken before the node runs', async () => {
    const node = ok('n');
    const { result } = node;
    await node.make();
    expect(await result).toBe('n');
    expect(node.result).toBe(result);
  });

  test('one that nobody took never raises unhandledRejection', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    await failing('n').make();
    failing('m').dispatch();
    ok('o').cancel();
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('is a new promise after retry', async () => {
    let repaired = false;
    const node = new TaskNode('n', () => {
      if (!repaired) throw new Error('broken');
      return 'fine';
    });
    await node.make();
    const { result: first } = node;
    await expect(first).rejects.toThrow('broken');
    repaired = true;
    node.retry();
    expect(node.state).toBe('PENDING');
    const { result: second } = node;
    expect(second).not.toBe(first);
    expect(await node.make()).toBe(true);
    expect(await second).toBe('fine');
  });

  test.each(['FAILED', 'CANCELLED', 'ABORTED'] as const)('of a node that began as %s rejects', async (state) => {
    await expect(ok('n', { state }).result).rejects.toThrow(`"n" began as ${state}`);
  });

  test('of a node that began as DONE is undefined', async () => {
    expect(await ok('n', { state: 'DONE' }).result).toBeUndefined();
  });
});

describe('cancel', () => {
  test('of a PENDING node: CANCELLED at once, and `result` rejects with the reason as cause', async () => {
    const node = ok('n');
    const { result } = node;
    node.cancel('not needed');
    expect(node.state).toBe('CANCELLED');
    await expect(result).rejects.toMatchObject({ code: 'ERR_TASK_CANCELLED', cause: 'not needed' });
  });

  test('of a RUNNING node: the signal aborts, the value is discarded', async () => {
    const { promise, resolve } = deferred<string>();
    let signal: AbortSignal | undefined;
    const node = new TaskNode('n', (context) => {
      signal = context.signal;
      return promise;
    });
    const making = node.make();
    await settle();
    node.cancel('enough');
    node.cancel('again: nothing more happens');
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ code: 'ERR_TASK_CANCELLED', cause: 'enough' });
    expect(node.state).toBe('RUNNING');
    resolve('too late');
    expect(await making).toBe(false);
    expect(node.state).toBe('CANCELLED');
    await expect(node.result).rejects.toMatchObject({ code: 'ERR_TASK_CANCELLED', cause: 'enough' });
  });

  test('what the function throws because of it does not make it FAILED', async () => {
    const node = new TaskNode(
      'n',
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    const making = node.make();
    await settle();
    node.cancel();
    await making;
    expect(node.state).toBe('CANCELLED');
  });

  test('a signal that is first looked at after it has aborted already', async () => {
    const { promise, resolve } = deferred();
    let aborted: boolean | undefined;
    const node = new TaskNode('n', async (context) => {
      await promise;
      aborted = context.signal.aborted;
    });
    const making = node.make();
    await settle();
    node.cancel();
    resolve();
    await making;
    expect(aborted).toBe(true);
  });

  test('by a listener of its start: the function is not called', async () => {
    const fn = vi.fn();
    const node = new TaskNode('n', fn, { state: 'PENDING' });
    node.on('RUNNING', () => node.cancel());
    const making = node.make();
    await settle();
    expect(await Promise.race([making, settle().then(() => 'hangs')])).not.toBe('hangs');
    expect(node.state).toBe('CANCELLED');
  });
});

describe('abort', () => {
  test('is for good, and `result` rejects', async () => {
    const node = ok('n');
    const { result } = node;
    node.abort();
    await expect(result).rejects.toThrow('"n" was aborted');
    expect(() => node.retry()).toThrow(InvalidTransitionError);
  });

  test('of a FAILED node keeps what it failed with', async () => {
    const node = failing('n', 'broken');
    await node.make();
    node.abort();
    expect(node.state).toBe('ABORTED');
    await expect(node.result).rejects.toBe('broken');
  });
});

describe('listeners', () => {
  test('of any transition come first, then those of the new state', async () => {
    const heard: string[] = [];
    const node = ok('n');
    node.on('DONE', (transition, from) => heard.push(`DONE ${path(transition)} ${from.name}`));
    node.on('transition', (transition, from) => heard.push(`any ${path(transition)} ${from.name}`));
    await node.make();
    expect(heard).toEqual([
      'any PENDING->dispatch->RUNNING n',
      'any RUNNING->done->DONE n',
      'DONE RUNNING->done->DONE n',
    ]);
  });

  test('find the transition in the history, and the state changed', () => {
    const node = ok('n', { state: 'PREPARE' });
    const seen: unknown[] = [];
    node.on('transition', (transition) => seen.push(node.history.at(-1) === transition, node.state));
    node.prepared();
    expect(seen).toEqual([true, 'PENDING']);
  });

  test('that change the state in turn: everybody still hears all of it in order', () => {
    const node = ok('n');
    const heard: string[] = [];
    node.on('CANCELLED', () => node.retry());
    node.on('transition', (transition) => heard.push(path(transition)));
    node.on('CANCELLED', () => heard.push('CANCELLED'));
    node.on('PENDING', () => heard.push('PENDING'));
    node.cancel();
    expect(heard).toEqual(['PENDING->cancel->CANCELLED', 'CANCELLED', 'CANCELLED->retry->PENDING', 'PENDING']);
  });

  test('that throw disturb nothing: the error comes in a macrotask of its own', async () => {
    const thrown: unknown[] = [];
    const listeners = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[];
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => thrown.push(error));
    const error = new Error('from a listener');
    const heard: string[] = [];
    const node = ok('n');
    node.on('transition', () => {
      throw error;
    });
    node.on('transition', ({ to }) => heard.push(to));
    expect(await node.make()).toBe(true);
    await settle();
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect(heard).toEqual(['RUNNING', 'DONE']);
    expect(thrown).toEqual([error, error]);
  });

  test('can be removed', async () => {
    const listener = vi.fn();
    const node = ok('n').on('transition', listener).once('DONE', listener).off('transition', listener);
    await node.make();
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test('track prints each transition, or hands it to a function', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await ok('n', { track: true }).make();
    expect(log.mock.calls).toEqual([['n PENDING->dispatch->RUNNING'], ['n RUNNING->done->DONE']]);
    log.mockRestore();
    const track = vi.fn();
    const node = ok('m', { track });
    await node.make();
    expect(track.mock.calls).toEqual(node.history.map((transition) => [transition, node]));
  });
});

describe('links', () => {
  test('require and blocks make the same edge', () => {
    const [a, b, c] = [ok('a'), ok('b'), ok('c')];
    expect(c.require(a)).toBe(c);
    expect(b.blocks(c)).toBe(b);
    expect([...c.requires]).toEqual([a, b]);
    expect([...a.dependents, ...b.dependents]).toEqual([c, c]);
    expect(c.isBlocked).toBe(true);
    expect(c.blockers()).toEqual([a, b]);
  });

  test('an edge counts once, however often it is made', async () => {
    const [a, b] = [ok('a'), ok('b')];
    b.require(a).require(a, a);
    a.blocks(b);
    await a.make();
    expect(b.isBlocked).toBe(false);
    expect(b.requires.size).toBe(1);
  });

  test('andThen links a node there is and returns it, or makes one', () => {
    const [a, b] = [ok('a'), ok('b')];
    expect(a.andThen(b)).toBe(b);
    const c = b.andThen('c', () => 1);
    const d = c.andThen(function d() {});
    expect([b, c, d].map((node) => namesOf(node.requires))).toEqual([['a'], ['b'], ['c']]);
    expect(d.name).toBe('d');
  });

  test.each(['DONE', 'FAILED'] as const)('a required node that is %s: only DONE unblocks', (state) => {
    expect(ok('b').require(ok('a', { state })).isBlocked).toBe(state !== 'DONE');
  });

  test.each(['QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED', 'ABORTED'] as const)(
    'a node that is %s requires nothing more',
    (state) => {
      expect(() => ok('b', { state }).require(ok('a'))).toThrow(InvalidTransitionError);
    },
  );

  test('what is no node is refused', () => {
    expect(() => ok('a').require({} as TaskNode)).toThrow(TypeError);
    expect(() => ok('a').blocks(5 as never)).toThrow('Expected `node` to be a TaskNode, got `5` (number)');
  });

  test('a node that requires itself, if only through others, is refused with the path', () => {
    const [a, b, c] = [ok('a'), ok('b'), ok('c')];
    a.andThen(b).andThen(c);
    let error: unknown;
    try {
      a.require(c);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(CycleError);
    expect(isNiceqError(error, 'ERR_CYCLE')).toBe(true);
    expect((error as CycleError).path).toEqual([a, b, c, a]);
    expect((error as Error).message).toContain('"a" -> "b" -> "c" -> "a"');
    expect(a.requires.size + c.dependents.size).toBe(0);
    expect(() => a.require(a)).toThrow(CycleError);
  });

  test('the message of a long cycle shows both ends of it', () => {
    const nodes = Array.from({ length: 1000 }, (_, i) => ok(`n${i}`));
    nodes.reduce((last, node) => last.andThen(node));
    expect(() => nodes[0]?.require(nodes[999] as TaskNode)).toThrow(/"n0" -> "n1" .*\(\d+ more\).*"n999" -> "n0"$/);
  });
});

describe('dispatch', () => {
  test('of the leaf of an unrun pair: BlockedError', () => {
    const root = ok('root');
    const leaf = root.andThen(ok('leaf'));
    let error: unknown;
    try {
      leaf.dispatch();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(BlockedError);
    expect(isNiceqError(error, 'ERR_BLOCKED')).toBe(true);
    expect((error as BlockedError).blockedBy).toEqual([root]);
    expect((error as Error).message).toBe('"leaf" can\'t run: it requires "root", which is PENDING');
    expect(leaf.state).toBe('PENDING');
  });

  test('runs the function at once', () => {
    const fn = vi.fn();
    const node = new TaskNode('n', fn);
    node.dispatch();
    expect(fn).toHaveBeenCalledTimes(1);
    expect(node.state).toBe('DONE');
  });

  test('resolves with the result', async () => {
    const { node, resolve } = open('n');
    const result = node.dispatch();
    resolve('fine');
    expect(await result).toBe('fine');
  });
});

test('isCompleted: its attempt is over and was not cancelled', () => {
  const states = ['PREPARE', 'PENDING', 'QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED', 'ABORTED'] as const;
  expect(states.filter((state) => ok('n', { state }).isCompleted)).toEqual(['DONE', 'FAILED', 'ABORTED']);
});

test.each([
  ['BlockedError', () => ok('a').andThen(ok('b')).dispatch()],
  ['CycleError', () => ok('a').blocks(ok('b')).require(ok('c')).blocks(ok('d')) && ((n) => n.require(n))(ok('x'))],
  ['InvalidTransitionError', () => ok('a').retry()],
])('a %s that goes to another thread keeps its class, and takes no nodes along', (name, provoke) => {
  let error: unknown;
  try {
    provoke();
  } catch (thrown) {
    error = thrown;
  }
  const arrived = decodeError(structuredClone(encodeError(error)));
  expect(arrived).toBeInstanceOf({ BlockedError, CycleError, InvalidTransitionError }[name] as never);
  const { path = [], blockedBy = [] } = arrived as Partial<CycleError & BlockedError>;
  expect([...path, ...blockedBy]).toEqual([]);
});

test('the error of a node that is blocked by several names the first and counts the others', () => {
  const [first, second, third] = [ok('first'), ok('second'), ok('third')];
  const leaf = ok('leaf');
  leaf.require(first, second, third);
  expect(() => leaf.dispatch()).toThrow('"leaf" can\'t run: it requires "first", which is PENDING, and 2 more');
  expect(leaf.blockers()).toEqual([first, second, third]);
  expect(first.blockers()).toEqual([]);
});
