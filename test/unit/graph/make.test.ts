import { AsyncLocalStorage } from 'node:async_hooks';
import { BlockedError, InvalidTransitionError, make, makeNow, type NodeState, TaskNode } from 'niceq/graph';
import { describe, expect, test, vi } from 'vitest';
import { deferred } from '../deferred.js';
import { failing, namesOf, ok, open, settle, statesOf } from './helpers.js';

describe('what it yields', () => {
  test('asked for y and x with y after x: x, then y', async () => {
    const x = ok('x');
    const y = x.andThen(ok('y'));
    expect(namesOf(await makeNow([y, x]))).toEqual(['x', 'y']);
  });

  test('only the nodes asked for, each once', async () => {
    const [a, b, c] = [ok('a'), ok('b'), ok('c')];
    a.andThen(b).andThen(c);
    expect(namesOf(await makeNow([c, c]))).toEqual(['c']);
    expect(statesOf([a, b, c])).toEqual(['DONE', 'DONE', 'DONE']);
  });

  test('each as it completes, while others still run', async () => {
    const [slow, quick] = [open('slow'), open('quick')];
    const made = make([slow.node, quick.node], { concurrency: 2 });
    const first = made.next();
    await settle();
    quick.resolve('');
    expect(await first).toEqual({ value: quick.node, done: false });
    slow.resolve('');
    expect(await made.next()).toEqual({ value: slow.node, done: false });
    expect(await made.next()).toEqual({ value: undefined, done: true });
  });

  test.each(['DONE', 'FAILED', 'CANCELLED', 'ABORTED'] as const)('a node that is %s as it is', async (state) => {
    const node = ok('n', { state });
    expect(await makeNow([node])).toEqual([node]);
    expect(node.state).toBe(state);
    expect(node.history).toEqual([]);
  });

  test('nothing when nothing is asked for', async () => {
    expect(await makeNow([])).toEqual([]);
  });

  test('nothing begins before the first read', async () => {
    const node = ok('n');
    const made = make([node]);
    await settle();
    expect(node.state).toBe('PENDING');
    await made.return();
    expect(node.state).toBe('PENDING');
  });
});

describe('a PENDING node', () => {
  /** What it comes to, and whether what it requires and is PENDING was made, by the states of what it requires. */
  test.each<[states: NodeState[], becomes: NodeState, makes: boolean]>([
    [['DONE'], 'DONE', false],
    [['PENDING'], 'DONE', true],
    [['FAILED'], 'FAILED', false],
    [['ABORTED'], 'FAILED', false],
    [['CANCELLED'], 'CANCELLED', false],
    [['PREPARE'], 'FAILED', false],
    [['PENDING', 'FAILED'], 'FAILED', false],
    [['CANCELLED', 'FAILED'], 'FAILED', false],
    [['CANCELLED', 'ABORTED', 'PENDING'], 'FAILED', false],
    [['PENDING', 'CANCELLED'], 'CANCELLED', false],
    [['PREPARE', 'CANCELLED'], 'CANCELLED', false],
    [['PREPARE', 'FAILED'], 'FAILED', false],
    [['PREPARE', 'PENDING'], 'FAILED', true],
    [['RUNNING', 'FAILED'], 'FAILED', false],
    [['QUEUED', 'CANCELLED'], 'CANCELLED', false],
  ])('that requires %j becomes %s', async (states, becomes, makes) => {
    const required = states.map((state) => ok(`is ${state}`, { state }));
    const node = ok('n').require(...required);
    expect(await node.make()).toBe(becomes === 'DONE');
    expect(node.state).toBe(becomes);
    const expected = states.map((state) => (state === 'PENDING' && makes ? 'DONE' : state));
    expect(statesOf(required)).toEqual(expected);
  });

  test.each(['QUEUED', 'RUNNING'] as const)('waits for a required one that is %s', async (state) => {
    const required = ok('required', { state });
    const node = ok('n').require(required);
    const making = node.make();
    await settle();
    expect(node.state).toBe('PENDING');
    required.cancel();
    await making;
    expect(node.state).toBe('CANCELLED');
  });

  test('its result names the one that failed, with what that failed with as cause', async () => {
    const broken = failing('broken', new Error('out of paper'));
    const last = broken.andThen(ok('middle')).andThen(ok('last'));
    await last.make();
    await expect(last.result).rejects.toThrow('"last" can\'t run: it requires "middle", which is FAILED');
    await expect(last.result).rejects.toBeInstanceOf(BlockedError);
    await expect(last.result).rejects.toMatchObject({ cause: { message: 'out of paper' } });
  });

  test('whose required one was cancelled has a result that rejects and names it', async () => {
    const root = ok('root', { state: 'CANCELLED' });
    const leaf = root.andThen(ok('leaf'));
    await leaf.make();
    await expect(leaf.result).rejects.toMatchObject({
      code: 'ERR_TASK_CANCELLED',
      message: '"leaf" was cancelled, as "root" was, which it requires',
    });
  });

  test.each([
    ['the one that fails', true],
    ['the one that is cancelled', false],
  ])(
    'that requires one that fails and one that is cancelled becomes FAILED, also if %s ends first',
    async (_, isFirst) => {
      const [failed, cancelled] = [open('failed'), open('cancelled')];
      const node = ok('n').require(cancelled.node, failed.node);
      const making = node.make({ concurrency: 2 });
      await settle();
      cancelled.node.cancel();
      const ends = [() => failed.reject(new Error('no')), () => cancelled.resolve('')];
      for (const end of isFirst ? ends : ends.reverse()) {
        end();
        await settle();
      }
      await making;
      expect(node.state).toBe('FAILED');
    },
  );
});

test('PREPARE: InvalidTransitionError, and nothing begins', async () => {
  const [a, b] = [ok('a'), ok('b', { state: 'PREPARE' })];
  await expect(makeNow([a, b])).rejects.toThrow(InvalidTransitionError);
  await expect(b.make()).rejects.toMatchObject({ state: 'PREPARE' });
  expect(a.state).toBe('PENDING');
  b.prepared();
  expect(await b.make()).toBe(true);
});

test('RUNNING: waits for it', async () => {
  const { node, resolve } = open('n');
  node.dispatch();
  const making = node.make();
  await settle();
  resolve('');
  expect(await making).toBe(true);
});

test('leaf.make(): both complete', async () => {
  const root = ok('root');
  const leaf = root.andThen(ok('leaf'));
  expect(await leaf.make()).toBe(true);
  expect([root.isCompleted, leaf.isCompleted]).toEqual([true, true]);
});

test('two that make the same node run it once, and both hear of it', async () => {
  const fn = vi.fn();
  const shared = new TaskNode('shared', fn);
  const [a, b] = [shared.andThen(ok('a')), shared.andThen(ok('b'))];
  expect(await Promise.all([a.make(), b.make()])).toEqual([true, true]);
  expect(fn).toHaveBeenCalledTimes(1);
});

describe('repair and retry', () => {
  test('after a failure only what is not DONE runs again', async () => {
    const ran: string[] = [];
    let paper = 0;
    const step = (name: string) => new TaskNode(name, () => ran.push(name));
    const fetch = step('fetch');
    const print = new TaskNode('print', () => {
      ran.push('print');
      if (paper === 0) throw new Error('out of paper');
    }).require(fetch);
    const bind = print.andThen(step('bind'));
    const cover = step('cover').blocks(bind);
    expect(await bind.make()).toBe(false);
    expect(statesOf([fetch, print, cover, bind])).toEqual(['DONE', 'FAILED', 'DONE', 'FAILED']);
    expect(ran).toEqual(['fetch', 'cover', 'print']);
    paper = 100;
    for (const node of [print, bind]) node.retry();
    expect(await bind.make()).toBe(true);
    expect(ran).toEqual(['fetch', 'cover', 'print', 'print', 'bind']);
  });

  test('by a listener, while it is being made: the run goes on with it', async () => {
    let attempts = 0;
    const flaky = new TaskNode('flaky', () => {
      if (++attempts < 3) throw new Error('not yet');
    });
    flaky.on('FAILED', () => flaky.retry());
    const leaf = flaky.andThen(ok('leaf'));
    expect(await leaf.make()).toBe(true);
    expect(attempts).toBe(3);
  });

  test('of something required, while others of the run still go on', async () => {
    const slow = open('slow');
    let isBroken = true;
    const flaky = new TaskNode('flaky', () => {
      if (isBroken) throw new Error('no');
    });
    const leaf = ok('leaf').require(flaky, slow.node);
    const making = leaf.make({ concurrency: 2 });
    await settle();
    expect(flaky.state).toBe('FAILED');
    isBroken = false;
    flaky.retry();
    slow.resolve('');
    expect(await making).toBe(true);
  });
});

describe('failFast', () => {
  test('ends after the first that is not DONE, having yielded it; the rest stays PENDING', async () => {
    const [a, b, c, d] = [ok('a'), failing('b'), ok('c'), ok('d')];
    expect(namesOf(await makeNow([a, b, c, d], { failFast: true }))).toEqual(['a', 'b']);
    await settle();
    expect(statesOf([a, b, c, d])).toEqual(['DONE', 'FAILED', 'PENDING', 'PENDING']);
  });

  test('a node that was not asked for fails: takes along the way to one that was, and nothing else', async () => {
    const broken = failing('broken');
    const middle = broken.andThen(ok('middle'));
    const [wanted, other] = [middle.andThen(ok('wanted')), broken.andThen(ok('other'))];
    expect(namesOf(await makeNow([wanted, other], { failFast: true }))).toEqual(['wanted']);
    expect(statesOf([broken, middle, wanted, other])).toEqual(['FAILED', 'FAILED', 'FAILED', 'PENDING']);
  });

  test("does not wait for others that the failed one's dependents require", async () => {
    const slow = open('slow');
    const wanted = ok('wanted').require(slow.node, failing('broken'));
    expect(await makeNow([wanted], { failFast: true, concurrency: 2 })).toEqual([wanted]);
    expect(statesOf([wanted, slow.node])).toEqual(['FAILED', 'RUNNING']);
    slow.resolve('');
    await slow.node.result;
    expect(slow.node.state).toBe('DONE');
  });

  test('without it everything that can run runs', async () => {
    const nodes = [ok('a'), failing('b'), ok('c')];
    expect(namesOf(await makeNow(nodes))).toEqual(['a', 'b', 'c']);
    expect(statesOf(nodes)).toEqual(['DONE', 'FAILED', 'DONE']);
  });
});

describe('concurrency', () => {
  test.each([
    [undefined, 1],
    [2, 2],
    [Number.POSITIVE_INFINITY, 5],
  ])('%s: %d of five independent ones run at once', async (concurrency, running) => {
    const nodes = Array.from({ length: 5 }, (_, i) => open(`n${i}`));
    const making = makeNow(
      nodes.map(({ node }) => node),
      concurrency === undefined ? {} : { concurrency },
    );
    for (const { node, resolve } of nodes) {
      await settle();
      expect(nodes.filter((one) => one.node.state === 'RUNNING')).toHaveLength(
        Math.min(running, nodes.length - nodes.findIndex((one) => one.node === node)),
      );
      resolve('');
    }
    await making;
  });

  test('one that requires something new while it waits for its turn waits for that', async () => {
    const first = open('first');
    const [second, added] = [ok('second'), ok('added')];
    const making = makeNow([first.node, second]);
    await settle();
    second.require(added);
    first.resolve('');
    await making;
    expect(statesOf([second, added])).toEqual(['DONE', 'DONE']);
    expect((second.history[0]?.at ?? 0) >= (added.history.at(-1)?.at ?? 0)).toBe(true);
  });

  test('one that was cancelled while it waited for its turn is not run', async () => {
    const first = open('first');
    const fn = vi.fn();
    const second = new TaskNode('second', fn);
    const making = makeNow([first.node, second]);
    await settle();
    second.cancel();
    second.retry();
    second.cancel();
    first.resolve('');
    await making;
    expect(fn).not.toHaveBeenCalled();
    expect(second.state).toBe('CANCELLED');
  });

  test.each([0, -1, 1.5, '2', null])('%s is refused, by the call itself', (concurrency) => {
    expect(() => make([], { concurrency: concurrency as number })).toThrow('Expected `concurrency` to be an integer');
  });
});

describe('signal', () => {
  test('that has aborted: its reason, and nothing begins', async () => {
    const node = ok('n');
    await expect(makeNow([node], { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(node.state).toBe('PENDING');
  });

  test('that aborts: what runs is cancelled, the rest stays PENDING', async () => {
    const controller = new AbortController();
    const { node: running, resolve } = open('running');
    const [waiting, after] = [ok('waiting'), running.andThen(ok('after'))];
    const making = makeNow([running, waiting, after], { signal: controller.signal });
    await settle();
    controller.abort('stop');
    await expect(making).rejects.toBe('stop');
    resolve('');
    await expect(running.result).rejects.toMatchObject({ code: 'ERR_TASK_CANCELLED', cause: 'stop' });
    expect(statesOf([running, waiting, after])).toEqual(['CANCELLED', 'PENDING', 'PENDING']);
  });

  test('leaves alone what somebody else runs', async () => {
    const controller = new AbortController();
    const { node, resolve } = open('n');
    const result = node.dispatch();
    const making = makeNow([node], { signal: controller.signal });
    await settle();
    controller.abort('stop');
    await expect(making).rejects.toBe('stop');
    resolve('fine');
    expect(await result).toBe('fine');
  });
});

test('leaving the loop starts nothing more; what runs goes on', async () => {
  const [a, b, c] = [ok('a'), open('b'), ok('c')];
  for await (const node of make([a, b.node, c])) {
    expect(node.name).toBe('a');
    break;
  }
  b.resolve('');
  await settle();
  expect(statesOf([a, b.node, c])).toEqual(['DONE', 'DONE', 'PENDING']);
});

test('a graph may grow while it is made', async () => {
  const ran: string[] = [];
  const bundle = new TaskNode('bundle', ({ results }) => ran.push(`bundle of ${results.size}`));
  const find = new TaskNode('find', () => {
    for (const file of ['a', 'b']) bundle.require(find.andThen(file, () => ran.push(file)));
  });
  expect(await bundle.require(find).make()).toBe(true);
  expect(ran).toEqual(['a', 'b', 'bundle of 3']);
});

test("the caller's async context is kept", async () => {
  const storage = new AsyncLocalStorage<string>();
  const root = new TaskNode('root', () => storage.getStore());
  const leaf = root.andThen('leaf', () => storage.getStore());
  await storage.run('here', () => makeNow([leaf]));
  expect([await root.result, await leaf.result]).toEqual(['here', 'here']);
});

test.each([
  ['nodes that are none', () => make([{}] as never), 'Expected `nodes` to be a TaskNode'],
  ['something that holds no nodes', () => make(5 as never), 'Expected `nodes` to be an iterable of TaskNodes, got `5`'],
  ['a queue that is none', () => make([], { queue: {} as never }), 'Expected `queue.submit` to be a function'],
  ['a failFast that is none', () => make([], { failFast: 1 as never }), 'Expected `failFast` to be a boolean'],
  ['a signal that is none', () => make([], { signal: 1 as never }), 'Expected `signal` to be an AbortSignal'],
  ['options that are none', () => make([], 1 as never), 'Expected `options` to be an object'],
])('%s: TypeError from the call itself', (_, call, message) => {
  expect(call).toThrow(message);
});

// They take a second or two; a busy machine may need longer.
describe('100,000 nodes', { timeout: 120_000 }, () => {
  const COUNT = 100_000;

  test('in a chain: all run, without a stack overflow', async () => {
    let ran = 0;
    const count = () => ran++;
    let last = new TaskNode('0', count);
    for (let i = 1; i < COUNT; i++) last = last.andThen(`${i}`, count);
    expect(await last.make()).toBe(true);
    expect(ran).toBe(COUNT);
  });

  test('in a chain whose first one fails: all fail', async () => {
    const nodes: TaskNode[] = [failing('0')];
    for (let i = 1; i < COUNT; i++) nodes.push((nodes[i - 1] as TaskNode).andThen(`${i}`, () => {}));
    expect(await nodes.at(-1)?.make()).toBe(false);
    expect(new Set(statesOf(nodes))).toEqual(new Set(['FAILED']));
  });

  test('twice as many, asked for one by one: each is handed out', async () => {
    const nodes = Array.from({ length: 2 * COUNT }, (_, i) => new TaskNode(`${i}`, () => {}));
    expect(await makeNow(nodes)).toHaveLength(2 * COUNT);
  });

  test('in a fan: all run', async () => {
    let ran = 0;
    const count = () => ran++;
    const [first, last] = [new TaskNode('first', count), new TaskNode('last', count)];
    for (let i = 2; i < COUNT; i++) last.require(first.andThen(`${i}`, count));
    expect(await last.make({ concurrency: Number.POSITIVE_INFINITY })).toBe(true);
    expect(ran).toBe(COUNT);
  });
});

test("a deferred end is the node's end", async () => {
  const { promise, resolve } = deferred();
  const node = new TaskNode('n', () => promise);
  const making = node.make();
  await settle();
  expect(node.isCompleted).toBe(false);
  resolve();
  expect(await making).toBe(true);
});
