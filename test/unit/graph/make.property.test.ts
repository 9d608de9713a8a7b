import fc from 'fast-check';
import { make, makeNow, type NodeState, TaskNode } from 'niceq/graph';
import { describe, expect, test } from 'vitest';
import { deferred } from '../deferred.js';
import { settle } from './helpers.js';

type Ending = 'ok' | 'throws' | 'cancels';

interface Plan {
  endings: Ending[];
  /** What each requires, by index; always smaller than its own. */
  requires: number[][];
  /** What is asked for. */
  wanted: number[];
  concurrency: number;
}

/** From a seed: shrinking thousands of edges one by one would take for ever. */
function plan(seed: number, size: number, share: number): Plan {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const pick = (below: number) => Math.floor(random() * below);
  const requires = Array.from({ length: size }, (_, i) =>
    i === 0 ? [] : [...new Set(Array.from({ length: pick(4) }, () => Math.max(0, i - 1 - pick(20))))],
  );
  const endings = requires.map((): Ending => (random() >= share ? 'ok' : random() < 0.5 ? 'throws' : 'cancels'));
  const wanted = Array.from({ length: 1 + pick(10) }, () => pick(size));
  return { requires, endings, wanted, concurrency: 1 + pick(8) };
}

const plans = (size: number, share: number) =>
  fc.tuple(fc.integer(), fc.integer({ min: 1, max: size })).map(([seed, count]) => plan(seed, count, share));

class Build {
  readonly nodes: TaskNode[] = [];
  readonly ran: number[] = [];
  running = 0;
  mostRunning = 0;

  constructor({ requires, endings }: Plan) {
    for (const [i, indices] of requires.entries()) {
      const node = new TaskNode(`${i}`, () => this.#run(i, endings), {
        cancelOnResult: (value) => value === 'cancels',
      });
      this.nodes.push(node.require(...indices.map((index) => this.at(index))));
    }
  }

  at(index: number): TaskNode {
    return this.nodes[index] as TaskNode;
  }

  async #run(index: number, endings: readonly Ending[]): Promise<Ending> {
    for (const required of this.at(index).requires) expect(required.state).toBe('DONE');
    this.ran.push(index);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    await null;
    if (index % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    this.running--;
    const ending = endings[index] as Ending;
    if (ending === 'throws') throw new Error(`${index}`);
    return ending;
  }
}

/** What is asked for and all that it requires. */
function needed({ requires, wanted }: Plan): Set<number> {
  const found = new Set(wanted);
  for (const index of found) for (const required of requires[index] as number[]) found.add(required);
  return found;
}

/** What everything should come to. */
function expectedStates(graph: Plan): NodeState[] {
  const isNeeded = needed(graph);
  const states: NodeState[] = [];
  for (const [i, indices] of graph.requires.entries()) {
    const before = indices.map((index) => states[index]);
    if (!isNeeded.has(i)) states.push('PENDING');
    else if (before.includes('FAILED')) states.push('FAILED');
    else if (before.includes('CANCELLED')) states.push('CANCELLED');
    else states.push(({ ok: 'DONE', throws: 'FAILED', cancels: 'CANCELLED' } as const)[graph.endings[i] as Ending]);
  }
  return states;
}

const byNumber = (a: number, b: number) => a - b;
const sorted = (numbers: Iterable<number>) => [...numbers].sort(byNumber);

describe('over random graphs of up to 1,000 nodes', () => {
  test('everything asked for runs once, after what it requires; failure and cancellation reach exactly their dependents', async () => {
    await fc.assert(
      fc.asyncProperty(plans(1000, 0.02), async (graph) => {
        const build = new Build(graph);
        const yielded: TaskNode[] = [];
        for await (const node of make(
          graph.wanted.map((i) => build.at(i)),
          graph,
        ))
          yielded.push(node);
        const states = expectedStates(graph);
        expect(build.nodes.map(({ state }) => state)).toEqual(states);
        const isNeeded = needed(graph);
        const canRun = graph.requires.flatMap((indices, i) =>
          isNeeded.has(i) && indices.every((index) => states[index] === 'DONE') ? [i] : [],
        );
        expect(sorted(build.ran)).toEqual(canRun);
        expect(build.mostRunning).toBeLessThanOrEqual(graph.concurrency);
        expect(sorted(yielded.map(({ name }) => Number(name)))).toEqual(sorted(new Set(graph.wanted)));
      }),
      { numRuns: 40 },
    );
  });

  test('after repair and retry exactly what is not DONE runs, and everything is', async () => {
    await fc.assert(
      fc.asyncProperty(plans(1000, 0.05), async (graph) => {
        const build = new Build(graph);
        const wanted = graph.wanted.map((i) => build.at(i));
        await makeNow(wanted, graph);
        const isNeeded = needed(graph);
        const rest = sorted(isNeeded).filter((i) => build.at(i).state !== 'DONE');
        build.ran.length = 0;
        graph.endings.fill('ok');
        for (const node of build.nodes) if (node.state === 'FAILED' || node.state === 'CANCELLED') node.retry();
        await makeNow(wanted, graph);
        expect(sorted(build.ran)).toEqual(rest);
        expect(sorted(isNeeded).map((i) => build.at(i).state)).toEqual(sorted(isNeeded).map(() => 'DONE'));
      }),
      { numRuns: 30 },
    );
  });

  test('failFast: yields up to the first that is not DONE, refuses one way to it, and leaves the rest PENDING', async () => {
    await fc.assert(
      fc.asyncProperty(plans(1000, 0.02), async (graph) => {
        const build = new Build(graph);
        const yielded = await makeNow(
          graph.wanted.map((i) => build.at(i)),
          { ...graph, failFast: true },
        );
        const begun = build.ran.length;
        while (build.running > 0) await settle();
        await settle();
        expect(build.ran).toHaveLength(begun);
        expect(new Set(build.ran).size).toBe(begun);
        const notDone = yielded.filter(({ state }) => state !== 'DONE');
        const isHarmless = sorted(needed(graph)).every((i) => graph.endings[i] === 'ok');
        expect(notDone).toEqual(isHarmless ? [] : yielded.slice(-1));
        const ran = new Set(build.ran);
        const untouched = build.nodes.filter((_, i) => !ran.has(i));
        const refused = untouched.filter(({ state }) => state !== 'PENDING');
        // Each requires the one before, the first something that ended badly, and the last is what was yielded.
        for (const [i, node] of refused.entries()) {
          const before = [...node.requires].filter(({ state }) => state === node.state);
          expect(i === 0 ? before.length > 0 : before.includes(refused[i - 1] as TaskNode)).toBe(true);
        }
        if (refused.length > 0) expect(refused.at(-1)).toBe(yielded.at(-1));
      }),
      { numRuns: 40 },
    );
  });
});

test('at every moment as many run as the graph and the concurrency allow', async () => {
  const choices = fc.infiniteStream(fc.nat());
  await fc.assert(
    fc.asyncProperty(plans(40, 0), choices, async ({ requires, wanted, concurrency }, choice) => {
      const ends = requires.map(() => deferred());
      const nodes: TaskNode[] = [];
      for (const [i, indices] of requires.entries()) {
        const node = new TaskNode(`${i}`, () => ends[i]?.promise);
        nodes.push(node.require(...indices.map((index) => nodes[index] as TaskNode)));
      }
      const isNeeded = needed({ requires, wanted, concurrency, endings: [] });
      const making = makeNow(
        wanted.map((i) => nodes[i] as TaskNode),
        { concurrency },
      );
      for (let left = isNeeded.size; left > 0; left--) {
        await settle();
        const able = sorted(isNeeded).filter((i) => nodes[i]?.state !== 'DONE' && !nodes[i]?.isBlocked);
        const running = able.filter((i) => nodes[i]?.state === 'RUNNING');
        expect(running).toHaveLength(Math.min(concurrency, able.length));
        ends[running[(choice.next().value as number) % running.length] as number]?.resolve();
      }
      await making;
    }),
    { numRuns: 60 },
  );
});

test('a cancelled node takes along its dependents and nothing else, whenever it is cancelled', async () => {
  await fc.assert(
    fc.asyncProperty(plans(200, 0), fc.nat(), fc.nat(300), async (graph, victim, after) => {
      const build = new Build(graph);
      const target = build.at(victim % build.nodes.length);
      let steps = 0;
      for (const node of build.nodes) {
        node.on('RUNNING', () => {
          if (++steps === after && ['PENDING', 'RUNNING'].includes(target.state)) target.cancel();
        });
      }
      await makeNow(
        graph.wanted.map((i) => build.at(i)),
        graph,
      );
      const hit = new Set<TaskNode>(target.state === 'CANCELLED' ? [target] : []);
      for (const node of hit) for (const dependent of node.dependents) hit.add(dependent);
      const isNeeded = needed(graph);
      // It ends when all that was asked for is over, whatever else that was cancelled would have required.
      const mustBeDone = needed({ ...graph, wanted: graph.wanted.filter((i) => !hit.has(build.at(i))) });
      for (const [i, node] of build.nodes.entries()) {
        if (hit.has(node)) expect(node.state).toBe(isNeeded.has(i) || node === target ? 'CANCELLED' : 'PENDING');
        else if (mustBeDone.has(i)) expect(node.state).toBe('DONE');
        else expect(isNeeded.has(i) ? ['PENDING', 'RUNNING', 'DONE'] : ['PENDING']).toContain(node.state);
      }
    }),
    { numRuns: 60 },
  );
});
