import fc from 'fast-check';
import { ParallelLimitedTaskConsumer, PollingTaskSource, type SourceTask, type TaskSource } from 'niceq/source';
import { expect, test } from 'vitest';
import { type Deferred, deferred, FakeClock, settle } from './support.js';

/** What may happen to a consumer, whatever kind of source it has. */
type Event =
  | { readonly type: 'task' | 'none' | 'failure' }
  /** One of the tasks that run ends: which one, and how. */
  | { readonly type: 'end'; readonly which: number; readonly fails: boolean }
  /** One of the stops that are pending is answered. */
  | { readonly type: 'answer'; readonly which: number; readonly stillStopped: boolean }
  /** Everything that needs no timer runs before the next event. */
  | { readonly type: 'pause' };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Event>({ type: 'task' }) },
  fc.constant<Event>({ type: 'none' }),
  fc.constant<Event>({ type: 'failure' }),
  { weight: 4, arbitrary: fc.record({ type: fc.constant('end' as const), which: fc.nat(), fails: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('answer' as const), which: fc.nat(), stillStopped: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.constant<Event>({ type: 'pause' }) },
);

/** Gives whatever it is told to, also when it is stopped: the worst source there can be. */
class UnrulySource implements TaskSource {
  readonly stops: Deferred<boolean>[] = [];
  starts = 0;
  /** How many tasks ran at each start. */
  readonly runningAtStart: number[] = [];
  /** Whether anything was asked of it after the end. */
  calledLate = false;
  isOver = false;

  constructor(readonly running: ReadonlySet<unknown>) {}

  start(): void {
    this.starts++;
    this.runningAtStart.push(this.running.size);
    this.calledLate ||= this.isOver;
  }

  stop(): Promise<boolean> {
    this.calledLate ||= this.isOver;
    const answer = deferred<boolean>();
    this.stops.push(answer);
    return answer.promise;
  }
}

/** One of a list, at a position taken modulo its length. */
function pick<T>(list: readonly T[], which: number): T | undefined {
  return list[which % (list.length || 1)];
}

const events = fc.array(event, { maxLength: 60, size: 'max' });

test('for any interleaving every task runs, starts come only below the limit, and the end comes once, with nothing running', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), events, async (limit, happening) => {
      const running = new Set<Deferred<void>>();
      const source = new UnrulySource(running);
      const consumer = new ParallelLimitedTaskConsumer({ limit });
      let ends = 0;
      let given = 0;
      let begun = 0;
      let runningAtEnd = 0;
      const done = consumer.consume(source).then(() => {
        ends++;
        source.isOver = true;
        runningAtEnd = running.size;
      });
      const task = () => {
        const ended = deferred();
        given++;
        consumer.taskStarted(() => {
          begun++;
          running.add(ended);
          return ended.promise.finally(() => running.delete(ended));
        });
      };
      for (const next of happening) {
        if (ends > 0) break;
        if (next.type === 'task') task();
        else if (next.type === 'none') consumer.noTasksFound();
        else if (next.type === 'failure') consumer.taskProductionFailed(new Error('no database'));
        else if (next.type === 'answer') pick(source.stops, next.which)?.resolve(next.stillStopped);
        else if (next.type === 'end') {
          const ended = pick([...running], next.which);
          if (next.fails) ended?.reject(new Error('bad row'));
          else ended?.resolve();
        } else await settle();
      }

      // Whatever happened, a source that has run dry brings the end.
      for (const ended of running) ended.resolve();
      await settle();
      consumer.noTasksFound();
      for (const answer of source.stops) answer.resolve(true);
      await done;
      consumer.noTasksFound();
      await settle();

      expect(ends).toBe(1);
      expect(runningAtEnd).toBe(0);
      expect(begun).toBe(given);
      expect(source.calledLate).toBe(false);
      // The first start is by consume, with nothing running; every other one has a free place.
      for (const count of source.runningAtStart) expect(count).toBeLessThan(limit);
    }),
  );
});

test('for any order of events the run ends exactly when the rules say so', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), events, async (limit, happening) => {
      const running = new Set<Deferred<void>>();
      const source = new UnrulySource(running);
      const consumer = new ParallelLimitedTaskConsumer({ limit });
      let isDone = false;
      void consumer.consume(source).then(() => {
        isDone = true;
      });
      /** Stops that may be the end, with the number of starts before. */
      const ends = new Map<Deferred<boolean>, { starts: number; after: 'none' | 'failure' }>();
      let shouldBeDone = false;

      for (const next of happening) {
        if (next.type === 'task') {
          const ended = deferred();
          running.add(ended);
          consumer.taskStarted(() => ended.promise);
        } else if (next.type === 'none' || next.type === 'failure') {
          if (next.type === 'none') consumer.noTasksFound();
          else consumer.taskProductionFailed(new Error('no database'));
          const stop = source.stops.at(-1);
          if (running.size === 0 && stop) ends.set(stop, { starts: source.starts, after: next.type });
        } else if (next.type === 'answer') {
          const stop = pick(source.stops, next.which);
          const end = stop && ends.get(stop);
          if (end && end.starts === source.starts && running.size === 0) {
            shouldBeDone ||= next.stillStopped || end.after === 'failure';
          }
          stop?.resolve(next.stillStopped);
          // A second answer changes nothing.
          if (stop) ends.delete(stop);
        } else if (next.type === 'end') {
          const ended = pick([...running], next.which);
          if (ended) running.delete(ended);
          if (next.fails) ended?.reject(new Error('bad row'));
          else ended?.resolve();
        }
        await settle();
        expect(isDone).toBe(shouldBeDone);
        expect(consumer.running).toBe(running.size);
        if (isDone) break;
      }
    }),
  );
});

/** How a poll ends: with what, and whether at once, after other work, or only after a time. */
interface Poll {
  readonly product: 'task' | 'nothing' | 'error';
  readonly delay: 'none' | 'microtask' | number;
}

const poll: fc.Arbitrary<Poll> = fc.record({
  product: fc.constantFrom('task', 'task', 'task', 'nothing', 'error'),
  delay: fc.oneof(fc.constant('none' as const), fc.constant('microtask' as const), fc.integer({ min: 1, max: 30 })),
});

test('of a polled source never more than the limit run, polls never overlap, and the run ends only when nothing is found or looking fails', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(poll, { maxLength: 30, size: 'max' }),
      fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 30 }),
      async (limit, polls, durations) => {
        const clock = new FakeClock();
        const wait = (duration: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, duration));
        const found = { tasks: 0, begun: 0, running: 0, most: 0, polling: 0, overlaps: 0 };
        let last: Poll['product'] = 'task';

        const task: SourceTask = async () => {
          const duration = durations[found.begun++ % durations.length] ?? 0;
          found.running++;
          found.most = Math.max(found.most, found.running);
          try {
            if (duration > 0) await wait(duration);
          } finally {
            found.running--;
          }
        };
        const result = (product: Poll['product']) => {
          last = product;
          if (product === 'error') throw new Error('no database');
          if (product === 'nothing') return null;
          found.tasks++;
          return task;
        };
        const later = async ({ product, delay }: Poll) => {
          found.polling++;
          if (typeof delay === 'number') await wait(delay);
          found.polling--;
          return result(product);
        };
        const produce = () => {
          if (found.polling > 0) found.overlaps++;
          const next = polls.shift() ?? { product: 'nothing', delay: 'none' };
          return next.delay === 'none' ? result(next.product) : later(next);
        };

        const consumer = new ParallelLimitedTaskConsumer({ limit });
        let isDone = false;
        const done = consumer.consume(new PollingTaskSource({ interval: 10, produce, clock })).then(() => {
          isDone = true;
        });
        for (let i = 0; i < 10_000 && !isDone; i++) {
          clock.advance(1);
          await settle();
        }
        await done;
        expect(found).toEqual({ ...found, begun: found.tasks, running: 0, polling: 0, overlaps: 0 });
        expect(found.most).toBeLessThanOrEqual(limit);
        expect(last).not.toBe('task');
        expect(clock.timers).toBe(0);
      },
    ),
    { numRuns: 50 },
  );
});
