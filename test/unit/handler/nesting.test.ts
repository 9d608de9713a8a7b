import { describe, expect, test } from 'vitest';
import type { Attempt } from '../../../src/handler/attempt.js';
import type { Employment } from '../../../src/handler/employment.js';
import { Nesting } from '../../../src/handler/nesting.js';
import type { Task } from '../../../src/queue/task.js';

const lane = {};
const task = (id: string): Task => ({ id, row: { lane } }) as unknown as Task;
const attempt = (id: string): Attempt => ({ isStarted: true, task: task(id) }) as unknown as Attempt;

/** A worker with as many places as `running` takes; `asked` counts what it was asked for. */
function worker(running: Attempt[], { places = running.length } = {}) {
  const asked = { attempts: 0, mayRun: 0 };
  const employment = {
    load: running.length,
    concurrency: places,
    get attempts() {
      asked.attempts++;
      return running;
    },
    mayRun: () => {
      asked.mayRun++;
      return true;
    },
  };
  return { employment: employment as unknown as Employment, asked };
}

const told = (nesting: Nesting, employments: Employment[]) =>
  [...nesting.deadlocks(employments)].map(({ task, holders }) => [task.id, holders.map(({ id }) => id)]);

describe('Calls that tasks make of their own queue', () => {
  test('are a deadlock where all places are taken by tasks that wait for such calls, each told of once', () => {
    const nesting = new Nesting();
    const [outer, other] = [attempt('outer'), attempt('other')];
    nesting.called(task('a'), outer);
    nesting.called(task('b'), outer);
    const { employment } = worker([outer, other]);
    expect(told(nesting, [employment])).toEqual([]);
    nesting.called(task('c'), other);
    const holders = ['outer', 'other'];
    expect(told(nesting, [employment])).toEqual([
      ['a', holders],
      ['b', holders],
      ['c', holders],
    ]);
    expect(told(nesting, [employment])).toEqual([]);
  });

  test('are none while a place is free, or a task runs that waits for none', () => {
    const nesting = new Nesting();
    const outer = attempt('outer');
    const call = task('call');
    nesting.called(call, outer);
    expect(told(nesting, [worker([outer], { places: 2 }).employment])).toEqual([]);
    expect(told(nesting, [worker([outer]).employment, worker([attempt('another')]).employment])).toEqual([]);
    nesting.started(call);
    expect(nesting.hasUntold).toBe(false);
    expect(told(nesting, [worker([outer]).employment])).toEqual([]);
  });

  test('are one again when they come back, whether they had started or not', () => {
    const nesting = new Nesting();
    const outer = attempt('outer');
    const calls = ['a', 'b'].map(task);
    for (const call of calls) nesting.called(call, outer);
    nesting.started(calls[0] as Task);
    expect(told(nesting, [worker([outer]).employment])).toEqual([['b', ['outer']]]);
    for (const call of calls) nesting.returned(call);
    expect(told(nesting, [worker([outer]).employment])).toEqual([['a', ['outer']]]);
    nesting.returned(task('no call'));
    for (const call of calls) nesting.started(call);
    expect(nesting.hasUntold).toBe(false);
    nesting.returned(calls[0] as Task);
    for (const call of calls) nesting.ended(call);
    nesting.returned(calls[0] as Task);
    expect(nesting.hasUntold).toBe(false);
  });

  test('that were cancelled by whoever was told of the first are not told of', () => {
    const nesting = new Nesting();
    const outer = attempt('outer');
    const calls = ['a', 'b'].map(task);
    for (const call of calls) nesting.called(call, outer);
    const heard: string[] = [];
    for (const { task } of nesting.deadlocks([worker([outer]).employment])) {
      heard.push(task.id);
      for (const call of calls) nesting.ended(call);
    }
    expect(heard).toEqual(['a']);
  });

  test('cost a look at each worker, however many there are', () => {
    const nesting = new Nesting();
    const outer = attempt('outer');
    for (let i = 0; i < 1000; i++) nesting.called(task(`${i}`), outer);
    const [stuck, free] = [worker([outer]), worker([attempt('another')])];
    expect(told(nesting, [stuck.employment, free.employment])).toEqual([]);
    expect([stuck.asked, free.asked]).toEqual([
      { attempts: 1, mayRun: 1 },
      { attempts: 1, mayRun: 1 },
    ]);
  });
});
