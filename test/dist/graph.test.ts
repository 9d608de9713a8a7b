import { ProcessQueue, type TaskQueue, ThreadQueue, taskModule } from 'niceq';
import { makeNow, TaskNode } from 'niceq/graph';
import { afterEach, describe, expect, test, vi } from 'vitest';

const tasks = taskModule<typeof import('./fixtures/graph.tasks.mjs')>(
  new URL('./fixtures/graph.tasks.mjs', import.meta.url),
);

let queue: TaskQueue;
afterEach(() => queue.shutdown({ mode: 'crash' }));

describe.each([
  ['threads', () => new ThreadQueue({ threads: 2 })],
  ['processes', () => new ProcessQueue({ processes: 2 })],
])('through a queue of %s', (_, createQueue) => {
  test('results flow from node to node, and functions run in the main thread', async () => {
    queue = createQueue();
    const numbers = Array.from({ length: 20 }, (_, i) => new TaskNode(`${i}`, tasks.double, { args: [i] }));
    const sum = new TaskNode('sum', tasks.sum, { args: ({ results }) => numbers.map((node) => results.get(node)) });
    const here = sum.require(...numbers).andThen('here', ({ results }) => [process.pid, results.get(sum)]);
    expect(await here.make({ queue })).toBe(true);
    expect(await here.result).toEqual([process.pid, 380]);
    for (const node of [...numbers, sum]) {
      expect(node.history.map(({ to }) => to)).toEqual(['QUEUED', 'RUNNING', 'DONE']);
    }
  });

  test('as many run at once as there are workers; cancelling one lets the next begin', async () => {
    queue = createQueue();
    const nodes = Array.from({ length: 4 }, (_, i) => new TaskNode(`${i}`, tasks.untilAborted));
    const making = makeNow(nodes, { queue });
    for (const [i, node] of nodes.entries()) {
      const running = Math.min(2, nodes.length - i);
      await vi.waitFor(() => expect(nodes.filter(({ state }) => state === 'RUNNING')).toHaveLength(running), 10_000);
      node.cancel();
      await expect(node.result).rejects.toMatchObject({ code: 'ERR_TASK_CANCELLED' });
    }
    await making;
    expect(new Set(nodes.map(({ state }) => state))).toEqual(new Set(['CANCELLED']));
  });

  test('failFast leaves what waited in the queue PENDING', async () => {
    queue = createQueue();
    const bad = new TaskNode('bad', tasks.fail, { call: { doNext: true } });
    const held = Array.from({ length: 10 }, (_, i) => new TaskNode(`${i}`, tasks.untilAborted));
    const yielded = await makeNow([bad, ...held], { queue, failFast: true });
    expect(yielded).toEqual([bad]);
    expect(held.filter(({ state }) => state === 'RUNNING').length).toBeLessThanOrEqual(2);
    expect(held.filter(({ state }) => state === 'PENDING').length).toBeGreaterThanOrEqual(8);
    expect(queue.size).toBe(0);
  });
});
