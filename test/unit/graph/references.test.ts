import { AsyncQueue, QueueClosedError, type TaskQueue, taskModule } from 'niceq';
import { makeNow, TaskNode } from 'niceq/graph';
import { describe, expect, test, vi } from 'vitest';
import { ok, open, settle, statesOf } from './helpers.js';

const tasks = taskModule<typeof import('./fixtures/graph.tasks.js')>(
  new URL('./fixtures/graph.tasks.js', import.meta.url),
);
const ways = (node: TaskNode) => node.history.map(({ event }) => event);

describe('a task reference without a queue', () => {
  test('runs in the main thread', async () => {
    const node = new TaskNode(tasks.double, { args: [21] });
    expect(await node.make()).toBe(true);
    expect(await node.result).toBe(42);
    expect(node.name).toBe('double');
    expect(ways(node)).toEqual(['dispatch', 'done']);
  });

  test('keeps within the concurrency', async () => {
    const [first, second] = [open('first'), new TaskNode(tasks.double, { args: [1] })];
    const making = makeNow([first.node, second]);
    await settle();
    expect(second.state).toBe('PENDING');
    first.resolve('');
    await making;
    expect(await second.result).toBe(2);
  });

  test('knows its context: id, attempt, series, and a signal', async () => {
    const node = new TaskNode('c', tasks.context, { call: { series: 's' } });
    await node.make();
    expect(await node.result).toEqual({ id: 'c', attempt: 1, series: 's', aborted: false });
  });

  test('sees that it is cancelled', async () => {
    const node = new TaskNode(tasks.untilAborted);
    const making = node.make();
    await vi.waitFor(() => expect(node.state).toBe('RUNNING'));
    node.cancel('enough');
    expect(await making).toBe(false);
    expect(node.state).toBe('CANCELLED');
  });

  test('whose module lacks it: FAILED', async () => {
    const node = new TaskNode((tasks as unknown as { nothing: typeof tasks.context }).nothing);
    await node.make();
    await expect(node.result).rejects.toMatchObject({ code: 'ERR_TASK_MODULE' });
  });
});

describe('a task reference with a queue', () => {
  test('is QUEUED, then RUNNING when the queue has begun it', async () => {
    const queue = new AsyncQueue({ autoStart: false });
    const node = new TaskNode(tasks.double, { args: [21] });
    const making = node.make({ queue });
    await settle();
    expect(node.state).toBe('QUEUED');
    queue.resume();
    await making;
    expect(ways(node)).toEqual(['queue', 'dispatch', 'done']);
    expect(await node.result).toBe(42);
  });

  test('gets what others came to, when its turn has come', async () => {
    const queue = new AsyncQueue();
    const four = new TaskNode('four', tasks.double, { args: [2] });
    const six = new TaskNode('six', async () => 6);
    const ten = new TaskNode('ten', tasks.sum, {
      args: ({ results }) => [results.get(four), results.get(six)],
    }).require(four, six);
    await ten.make({ queue });
    expect(await ten.result).toBe(10);
  });

  test('is called as `call` says', async () => {
    const queue = new AsyncQueue({ autoStart: false, concurrency: 1 });
    const [last, first] = [
      new TaskNode('last', tasks.double, { args: [1], call: { doLast: true, id: 'mine' } }),
      new TaskNode('first', tasks.double, { args: [1] }),
    ];
    const ids: string[] = [];
    queue.on('started', ({ id }) => ids.push(id));
    const making = makeNow([last, first], { queue });
    await settle();
    queue.resume();
    expect(await making).toEqual([first, last]);
    expect(ids[1]).toBe('mine');
  });

  test('all that is independent is queued at once; functions run unbounded beside it', async () => {
    const queue = new AsyncQueue({ autoStart: false });
    const queued = Array.from({ length: 20 }, (_, i) => new TaskNode(`${i}`, tasks.double, { args: [i] }));
    const functions = Array.from({ length: 5 }, (_, i) => open(`f${i}`));
    const making = makeNow([...queued, ...functions.map(({ node }) => node)], { queue });
    await settle();
    expect(queue.size).toBe(20);
    expect(statesOf(functions.map(({ node }) => node))).toEqual(Array(5).fill('RUNNING'));
    queue.resume();
    for (const { resolve } of functions) resolve('');
    await making;
  });

  test('never has more running than the workers allow, nor fewer than there are', async () => {
    const queue = new AsyncQueue({ concurrency: 3 });
    const nodes = Array.from({ length: 5 }, (_, i) => new TaskNode(`${i}`, tasks.untilAborted));
    const making = makeNow(nodes, { queue });
    for (const [i, node] of nodes.entries()) {
      const running = Math.min(3, nodes.length - i);
      await vi.waitFor(() => expect(statesOf(nodes).filter((state) => state === 'RUNNING')).toHaveLength(running));
      await settle();
      expect(statesOf(nodes).filter((state) => state === 'RUNNING')).toHaveLength(running);
      node.cancel();
      await node.result.catch(() => {});
    }
    await making;
    expect(new Set(statesOf(nodes))).toEqual(new Set(['CANCELLED']));
  });

  test('that throws: FAILED, with what it threw', async () => {
    const node = new TaskNode(tasks.fail, { args: ['no'] });
    await node.make({ queue: new AsyncQueue() });
    await expect(node.result).rejects.toThrow(new RangeError('no'));
  });

  test('cancelled while it is QUEUED: never runs', async () => {
    const queue = new AsyncQueue({ autoStart: false });
    const node = new TaskNode(tasks.double, { args: [1] });
    const making = node.make({ queue });
    await settle();
    node.cancel('changed my mind');
    expect(node.state).toBe('CANCELLED');
    expect(await making).toBe(false);
    expect(queue.size).toBe(0);
    await expect(node.result).rejects.toMatchObject({ cause: 'changed my mind' });
  });

  test.each([
    ['QUEUED', false],
    ['RUNNING', true],
  ])('cancelled by the queue while it is %s: CANCELLED', async (state, autoStart) => {
    const queue = new AsyncQueue({ autoStart });
    const node = new TaskNode(tasks.untilAborted);
    const making = node.make({ queue });
    await vi.waitFor(() => expect(node.state).toBe(state));
    queue.cancelAll('closing');
    await making;
    expect(node.state).toBe('CANCELLED');
    await expect(node.result).rejects.toMatchObject({ code: 'ERR_TASK_CANCELLED', cause: 'closing' });
  });

  test('dispatched while it is QUEUED: runs in the main thread instead', async () => {
    const queue = new AsyncQueue({ autoStart: false });
    const node = new TaskNode(tasks.double, { args: [21] });
    const making = node.make({ queue });
    await settle();
    expect(await node.dispatch()).toBe(42);
    expect(await making).toBe(true);
    expect(queue.size).toBe(0);
  });

  test('refused by a closed queue: FAILED, by the states there are', async () => {
    const queue = new AsyncQueue();
    await queue.shutdown();
    const node = new TaskNode(tasks.double, { args: [1] });
    await node.make({ queue });
    await expect(node.result).rejects.toBeInstanceOf(QueueClosedError);
    expect(ways(node)).toEqual(['queue', 'dispatch', 'error']);
  });

  test('with call options that are none: refused at once', () => {
    expect(() => new TaskNode(tasks.double, { args: [1], call: { niceness: 99 } })).toThrow(RangeError);
  });

  test('failFast: what waits in the queue is taken back and PENDING', async () => {
    const queue = new AsyncQueue({ concurrency: 1 });
    const nodes = [
      new TaskNode('bad', tasks.fail, { args: ['no'] }),
      ...Array.from({ length: 9 }, (_, i) => new TaskNode(`${i}`, tasks.double, { args: [i], call: { doLast: true } })),
    ];
    // The first one loads the module, so that all others are queued behind it.
    expect(await makeNow(nodes, { queue, failFast: true })).toEqual([nodes[0]]);
    await settle();
    expect(statesOf(nodes).filter((state) => state === 'PENDING').length).toBeGreaterThanOrEqual(8);
    expect(queue.size).toBe(0);
    nodes[0]?.abort();
    expect(await makeNow(nodes.slice(1), { queue })).toHaveLength(9);
    expect(new Set(statesOf(nodes.slice(1)))).toEqual(new Set(['DONE']));
  });

  test('one that a run gives back is run by another that waits for it', async () => {
    const queue = new AsyncQueue({ autoStart: false });
    const shared = new TaskNode('shared', tasks.double, { args: [1] });
    const controller = new AbortController();
    const first = makeNow([shared, new TaskNode('bad', () => Promise.reject(new Error('no')))], {
      queue,
      failFast: true,
    });
    await Promise.resolve();
    const second = makeNow([shared.andThen(ok('leaf'))], { queue, signal: controller.signal });
    await first;
    await settle();
    expect(shared.state).toBe('QUEUED');
    queue.resume();
    expect(statesOf(await second)).toEqual(['DONE']);
  });

  test('the queue is listened to only while there is something to hear', async () => {
    const queue: TaskQueue = new AsyncQueue();
    const nodes = Array.from({ length: 3 }, (_, i) => new TaskNode(`${i}`, tasks.double, { args: [i] }));
    const making = makeNow(nodes, { queue });
    await Promise.resolve();
    expect(queue.listenerCount('started')).toBe(1);
    await making;
    expect(queue.listenerCount('started')).toBe(0);
  });

  test('a function may call the queue itself, however many do', async () => {
    const queue = new AsyncQueue({ concurrency: 1 });
    const nodes = Array.from({ length: 10 }, (_, i) => new TaskNode(`${i}`, () => queue.call(tasks.double, [i])));
    await makeNow(nodes, { queue });
    expect(await Promise.all(nodes.map(({ result }) => result))).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
  });
});
