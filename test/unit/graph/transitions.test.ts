import { isNiceqError } from 'niceq';
import {
  InvalidTransitionError,
  type NodeEvent,
  type NodeState,
  stateDiagram,
  TaskNode,
  type TaskNodeOptions,
} from 'niceq/graph';
import { describe, expect, test } from 'vitest';
import { nodeStates } from '../../../src/graph/states.js';
import { deferred } from '../deferred.js';

/** What the contract says, written down a second time. */
const table: Record<NodeState, Partial<Record<NodeEvent, NodeState>>> = {
  PREPARE: { prepared: 'PENDING' },
  PENDING: { dispatch: 'RUNNING', cancel: 'CANCELLED', abort: 'ABORTED' },
  QUEUED: { dispatch: 'RUNNING', cancel: 'CANCELLED' },
  RUNNING: { cancel: 'CANCELLED' },
  DONE: {},
  FAILED: { retry: 'PENDING', abort: 'ABORTED' },
  CANCELLED: { retry: 'PENDING', abort: 'ABORTED' },
  ABORTED: {},
};

/** What only the end of a function or a queue brings about. */
const inner: Partial<Record<NodeState, Partial<Record<NodeEvent, NodeState>>>> = {
  PENDING: { queue: 'QUEUED', error: 'FAILED' },
  RUNNING: { done: 'DONE', error: 'FAILED' },
};

const methods = ['prepared', 'dispatch', 'cancel', 'retry', 'abort'] as const;
const pairs = nodeStates.flatMap((state) => methods.map((event) => ({ state, event, to: table[state][event] })));

const never = (options: TaskNodeOptions<unknown>) => new TaskNode('n', () => new Promise(() => {}), options);

test('the table has eight states', () => {
  expect(nodeStates.toSorted()).toEqual(Object.keys(table).sort());
});

describe.each(pairs.filter(({ to }) => to !== undefined))('$state -$event-> $to', ({ state, event, to }) => {
  test('is possible, and is in the history', () => {
    const node = never({ state });
    node[event]();
    expect(node.state).toBe(to);
    expect(node.history).toEqual([{ from: state, event, to, at: expect.any(Number) }]);
  });
});

describe.each(pairs.filter(({ to }) => to === undefined))('$event of a node that is $state', ({ state, event }) => {
  test('throws InvalidTransitionError, and changes nothing', () => {
    const node = never({ state });
    let error: unknown;
    try {
      node[event]();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InvalidTransitionError);
    expect(error).toMatchObject({ name: 'InvalidTransitionError', code: 'ERR_INVALID_TRANSITION', state, event });
    expect(isNiceqError(error, 'ERR_INVALID_TRANSITION')).toBe(true);
    expect((error as Error).message).toBe(`"n" is ${state}: \`${event}\` is not possible there`);
    expect(node.state).toBe(state);
    expect(node.history).toEqual([]);
  });
});

test('RUNNING -done-> DONE when the function returns, and -error-> FAILED when it throws', async () => {
  const good = new TaskNode('good', () => 1);
  const bad = new TaskNode('bad', () => Promise.reject(new Error('no')));
  await good.dispatch();
  await expect(bad.dispatch()).rejects.toThrow('no');
  expect(good.history.map(({ from, event, to }) => `${from} ${event} ${to}`)).toEqual([
    'PENDING dispatch RUNNING',
    'RUNNING done DONE',
  ]);
  expect(bad.history.at(-1)).toMatchObject({ from: 'RUNNING', event: 'error', to: 'FAILED' });
});

test('RUNNING -cancel-> CANCELLED only when the function has ended', async () => {
  const { promise, resolve } = deferred();
  const node = new TaskNode('n', () => promise);
  const result = node.dispatch();
  node.cancel();
  expect(node.state).toBe('RUNNING');
  resolve();
  await expect(result).rejects.toMatchObject({ code: 'ERR_TASK_CANCELLED' });
  expect(node.state).toBe('CANCELLED');
});

test('times in the history are epoch milliseconds and never run backwards', async () => {
  const before = Date.now();
  const node = new TaskNode('n', () => 1);
  await node.dispatch();
  const times = node.history.map(({ at }) => at);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  // The two clocks may differ by a little.
  expect(times[0]).toBeGreaterThan(before - 1000);
});

test('the state diagram has every transition, and no other', () => {
  const edges = nodeStates.flatMap((from) =>
    Object.entries({ ...table[from], ...inner[from] }).map(([event, to]) => `"${from}" -> "${to}"[label="${event}"]`),
  );
  const drawn = stateDiagram()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.includes('->'));
  expect(drawn.toSorted()).toEqual(edges.toSorted());
});
