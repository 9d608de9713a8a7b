import { expect, it } from 'vitest';
import { describe as describeFigures, figures } from '../../../examples/mandelbrot/figures.js';

const task = (workerId: number, startedAt: number, endedAt: number) => ({
  queuedAt: 1000,
  workerId,
  startedAt,
  endedAt,
});

// Worker 2 starts late, worker 1 stands still for 2 and 4 ms between its tasks, worker 2 for none.
const tasks = [task(2, 1050, 1100), task(1, 1000, 1040), task(1, 1042, 1060), task(2, 1100, 1200), task(1, 1064, 1164)];

it('tells how many workers were busy at a time, on average', () => {
  const { wall, busyAtATime, run } = figures(tasks);
  expect(wall).toBe(200);
  expect(busyAtATime).toBeCloseTo(308 / 200);
  expect(run).toBeCloseTo(308 / 5);
});

it('counts as idle the time between two tasks of a worker, not the time before its first', () => {
  expect(figures(tasks).idle).toBeCloseTo((2 + 4 + 0) / 3);
});

it('tells how busy each worker was, in the order of their ids', () => {
  expect([...figures(tasks).busy]).toEqual([
    [1, 158 / 200],
    [2, 150 / 200],
  ]);
});

it('knows no idle time of a single task', () => {
  expect(figures([task(1, 1010, 1020)])).toMatchObject({ wall: 20, busyAtATime: 0.5, idle: 0 });
});

it('puts them into words', () => {
  expect(describeFigures(figures(tasks), 3_000_000, { starting: 80, encoding: 150 })).toBe(
    [
      '3.0 million pixels in 0.20 s, 15.0 million a second',
      '(besides 0.08 s for starting the workers, 0.15 s for encoding the picture)',
      'workers busy at a time: 1.54 (worker 1 79 %, worker 2 75 %)',
      'idle between two tasks: 2000 µs; a task runs for 61.60 ms',
    ].join('\n'),
  );
});
