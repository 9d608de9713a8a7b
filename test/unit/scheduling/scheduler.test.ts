import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ANY, LOCAL, only } from '../../../src/scheduling/acceptance.js';
import { DO_LAST, DO_NEXT } from '../../../src/scheduling/lane.js';
import { type Assignment, countOf, Shop, type StubJob, StubSeat } from './stubs.js';

const anyNiceness = fc.integer({ min: -20, max: 20 });

/** Two series of niceness n and n + 10 among others, all backlogged; the order in which they were submitted varies. */
const contest = fc.record({
  niceness: fc.integer({ min: -20, max: 10 }),
  others: fc.array(anyNiceness, { maxLength: 12 }),
  slowFirst: fc.boolean(),
  alternately: fc.boolean(),
  kinds: fc.array(fc.constantFrom('async', 'thread', 'process', 'remote'), { minLength: 1, maxLength: 4 }),
  finishes: fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
});

describe('shares', () => {
  test('ten points of niceness halve the rate, within one task at every point of the run', () => {
    fc.assert(
      fc.property(contest, ({ niceness, others, slowFirst, alternately, kinds, finishes }) => {
        const shop = new Shop();
        for (const kind of kinds) shop.hire(kind);
        const series: [string, number][] = others.map((niceness, i) => [`other ${i}`, niceness]);
        const pair: [string, number][] = [
          ['plain', niceness],
          ['nice', niceness + 10],
        ];
        series.splice(others.length / 2, 0, ...(slowFirst ? pair.reverse() : pair));
        for (let i = 0; i < 60; i++) {
          if (alternately) for (const [name, niceness] of series) shop.submit(name, { niceness });
          else
            for (let j = 0; j < 60 && i < series.length; j++)
              shop.submit(series[i]?.[0], { niceness: series[i]?.[1] ?? 0 });
        }
        for (let i = 0; i < 400; i++) {
          shop.dispatch();
          if (shop.running.length === 0) break;
          const seat = shop.running[(finishes[i % finishes.length] as number) % shop.running.length]?.seat;
          shop.finish(seat);
        }
        let plain = 0;
        let nice = 0;
        let furthest = 0;
        for (const name of shop.log) {
          if (name === 'plain') plain++;
          if (name === 'nice') nice++;
          if (plain === 60 || nice === 60) break;
          // And of two in three, and one in three, of what both got.
          const ideal = (plain + nice) / 3;
          const distances = [nice - plain / 2, nice - ideal, plain - 2 * ideal].map(Math.abs);
          furthest = Math.max(furthest, ...distances);
        }
        expect(furthest).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('a thousand series of equal niceness are each served once a round', () => {
    const shop = new Shop();
    shop.hire('async', 3);
    for (let i = 0; i < 1000; i++) for (let j = 0; j < 3; j++) shop.submit(i);
    shop.run();
    expect(shop.log).toHaveLength(3000);
    for (let round = 0; round < 3; round++) {
      expect(new Set(shop.log.slice(round * 1000, (round + 1) * 1000)).size).toBe(1000);
    }
  });

  test('weight counts as so many tasks', () => {
    const shop = new Shop();
    shop.hire();
    for (let i = 0; i < 100; i++) {
      shop.submit('heavy', { weight: 3 });
      shop.submit('light');
    }
    shop.run(80);
    expect(countOf(shop.log, 'heavy')).toBe(20);
  });

  test('two series alternate when one was submitted after the other', () => {
    const shop = new Shop();
    shop.hire();
    for (const name of ['a', 'b']) for (let i = 0; i < 50; i++) shop.submit(name);
    shop.run();
    for (let i = 0; i < 100; i += 2) expect(new Set(shop.log.slice(i, i + 2)).size).toBe(2);
  });

  test('in one series niceness levels share the turns, whatever the requirements of their tasks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -20, max: 10 }),
        fc.constantFrom(ANY, LOCAL, 'closure' as const),
        (niceness, requirement) => {
          const shop = new Shop();
          shop.hire('thread');
          for (let i = 0; i < 60; i++) shop.submit('s', { niceness, requirement: ANY }, 'plain');
          for (let i = 0; i < 60; i++) shop.submit('s', { niceness: niceness + 10, requirement }, 'nice');
          shop.run(80);
          for (let i = 1; i <= shop.log.length; i++) {
            const log = shop.log.slice(0, i);
            expect(Math.abs(countOf(log, 'nice') - countOf(log, 'plain') / 2)).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });

  test('in one series tasks of equal niceness go first in, first out, whatever their requirements', () => {
    const shop = new Shop();
    shop.hire('thread');
    const requirements = [ANY, LOCAL, 'closure', only('thread')] as const;
    const names = Array.from({ length: 40 }, (_, i) => String(i));
    for (const [i, name] of names.entries()) shop.submit('s', { requirement: requirements[(i * 7) % 4] ?? ANY }, name);
    expect(shop.run()).toEqual(names);
  });

  test('an urgent task does not wait behind a backlog of the same series with another requirement', () => {
    const shop = new Shop();
    shop.hire('thread');
    for (let i = 0; i < 100; i++) shop.submit('s');
    shop.run(10);
    shop.submit('s', { niceness: -20, requirement: 'closure' }, 'urgent');
    expect(shop.run(12)).toContain('urgent');
  });
});

describe('idling earns no credit', () => {
  const share = (shop: Shop, name: string, count: number) => {
    const before = shop.log.length;
    shop.run(before + count);
    return countOf(shop.log.slice(before, before + count), name);
  };

  test('a series that comes late gets its share from then on', () => {
    fc.assert(
      fc.property(
        anyNiceness,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 150 }),
        (niceness, seats, head) => {
          const shop = new Shop();
          shop.hire('async', seats);
          for (let i = 0; i < 300; i++) shop.submit('old', { niceness });
          shop.run(head);
          for (let i = 0; i < 100; i++) shop.submit('late', { niceness });
          expect(Math.abs(share(shop, 'late', 100) - 50)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  test('so does one that was served before, and was away for a while', () => {
    const shop = new Shop();
    shop.hire();
    for (let i = 0; i < 300; i++) shop.submit('old');
    for (let i = 0; i < 10; i++) shop.submit('guest');
    shop.run(100);
    for (let i = 0; i < 100; i++) shop.submit('guest');
    expect(Math.abs(share(shop, 'guest', 100) - 50)).toBeLessThanOrEqual(1);
  });

  test('so does one whose limit kept it waiting', () => {
    const shop = new Shop();
    shop.hire();
    shop.scheduler.limitSeries('limited', { rate: { count: 1, interval: 1000 } });
    for (let i = 0; i < 200; i++) {
      shop.submit('free');
      shop.submit('limited');
    }
    shop.run(100);
    expect(countOf(shop.log, 'limited')).toBe(1);
    shop.scheduler.limitSeries('limited', null);
    expect(Math.abs(share(shop, 'limited', 100) - 50)).toBeLessThanOrEqual(1);
  });

  test('so does one that had no worker', () => {
    const shop = new Shop();
    shop.hire();
    for (let i = 0; i < 300; i++) {
      shop.submit('anywhere');
      shop.submit('on thread', { requirement: only('thread') });
    }
    shop.run(100);
    expect(countOf(shop.log, 'on thread')).toBe(0);
    // Two of three places are where both may run: the crew as a whole is to serve both alike.
    const seats = [shop.hire('thread'), shop.hire('thread')];
    expect(Math.abs(share(shop, 'on thread', 120) - 60)).toBeLessThanOrEqual(2);
    expect(seats).toHaveLength(2);
  });

  test('so does one whose only kind of worker had nothing to do while others worked', () => {
    const shop = new Shop();
    shop.hire('async');
    shop.hire('thread');
    shop.hire('thread');
    for (let i = 0; i < 100; i++) shop.submit('busy', { requirement: only('async') });
    shop.run(100);
    for (let i = 0; i < 200; i++) {
      shop.submit('busy');
      shop.submit('fresh', { requirement: only('thread') });
    }
    expect(Math.abs(share(shop, 'fresh', 120) - 60)).toBeLessThanOrEqual(2);
  });

  test('a series whose tasks wait for a slow kind is not measured by the pace of a fast one', () => {
    const shop = new Shop();
    const fast = shop.hire('async');
    const slow = shop.hire('remote');
    for (let i = 0; i < 1000; i++) shop.submit('main', { requirement: only('async') });
    for (let i = 0; i < 100; i++) shop.submit('far', { requirement: only('remote') });
    shop.dispatch();
    for (let i = 0; i < 500; i++) {
      shop.finish(fast);
      shop.dispatch();
    }
    for (let i = 0; i < 100; i++) shop.submit('late', { requirement: only('remote') });
    const before = shop.log.length;
    for (let i = 0; i < 40; i++) {
      shop.finish(slow);
      shop.dispatch();
    }
    expect(Math.abs(countOf(shop.log.slice(before), 'late') - 20)).toBeLessThanOrEqual(1);
  });

  test('a task of another requirement costs its series nothing where the series waits already', () => {
    const shop = new Shop();
    const fast = shop.hire('async');
    const slow = shop.hire('remote');
    for (let i = 0; i < 1000; i++) shop.submit('main', { requirement: only('async') });
    for (let i = 0; i < 100; i++) for (const name of ['a', 'b']) shop.submit(name, { requirement: only('remote') });
    shop.dispatch();
    for (let i = 0; i < 500; i++) {
      shop.finish(fast);
      shop.dispatch();
    }
    shop.submit('a', { requirement: 'closure' }, 'closure');
    const before = shop.log.length;
    shop.finish(fast);
    shop.dispatch();
    expect(shop.log.at(-1)).toBe('closure');
    for (let i = 0; i < 40; i++) {
      shop.finish(slow);
      shop.dispatch();
    }
    expect(Math.abs(countOf(shop.log.slice(before), 'a') - 20)).toBeLessThanOrEqual(1);
  });

  test.each([
    ['before the worker is free for others', true, 1],
    ['after the worker was given to others', false, 1],
    ['before the worker is free for others', true, 3],
    ['after the worker was given to others', false, 3],
  ])('a loop that submits its next task %s gets its share and no more', (_, isPrompt, seats) => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 20 }), (niceness) => {
        const shop = new Shop();
        for (let i = 0; i < seats; i++) shop.hire();
        for (let i = 0; i < 400; i++) shop.submit('backlog');
        shop.submit('loop', { niceness });
        shop.dispatch();
        while (shop.log.length < 300) {
          const ended = shop.finish();
          if (!isPrompt) shop.dispatch();
          if (ended.name === 'loop') shop.submit('loop', { niceness });
          if (isPrompt) shop.dispatch();
        }
        // A loop has one task at a time: it can't use more than a place, nor than every other turn if it comes late.
        const fair = 2 ** (-niceness / 10) / (1 + 2 ** (-niceness / 10));
        const possible = Math.min(fair, 1 / seats, isPrompt ? 1 : 1 / (seats + 1));
        const count = countOf(shop.log.slice(0, 300), 'loop');
        expect(count).toBeLessThanOrEqual(300 * fair + 1);
        expect(count).toBeGreaterThanOrEqual(Math.floor(300 * possible) - 1);
      }),
    );
  });

  test('nothing in the normal band starves', () => {
    const shop = new Shop();
    shop.hire();
    for (let i = 0; i < 50; i++) shop.submit('meek', { niceness: 20 });
    for (let i = 0; i < 10; i++) shop.submit(`eager ${i}`, { niceness: -20 });
    for (let i = 0; i < 5000; i++) {
      for (const job of shop.dispatch()) if (job.niceness === -20) shop.submit(job.name, { niceness: -20 }, job.name);
      shop.finish();
    }
    // One in 161: ten series have sixteen times its share each.
    expect(Math.abs(countOf(shop.log, 'meek') - 5000 / 161)).toBeLessThanOrEqual(1);
  });
});

describe('order', () => {
  const standard: [string, { niceness?: number; band?: 0 | 2 }][] = [
    ['a0', {}],
    ['b0', {}],
    ['nice+10', { niceness: 10 }],
    ['nice-10', { niceness: -10 }],
    ['last', { band: DO_LAST }],
    ['c0', {}],
    ['next', { band: DO_NEXT }],
    ['nice-20', { niceness: -20 }],
  ];

  test.each([
    ['in one series', () => 's'],
    ['in a series each', (name: string) => name],
  ])('of a mixed lot %s, next goes first and last goes last', (_, seriesOf) => {
    const shop = new Shop();
    shop.hire();
    for (const [name, options] of standard) shop.submit(seriesOf(name), options, name);
    shop.run();
    expect(shop.log).toHaveLength(8);
    expect(shop.log[0]).toBe('next');
    expect(shop.log.at(-1)).toBe('last');
    const places = ['a0', 'b0', 'c0'].map((name) => shop.log.indexOf(name));
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  test('inside the outer bands it is first in, first out, whatever the series and niceness', () => {
    const shop = new Shop();
    shop.hire();
    const names: string[] = [];
    for (const band of [DO_NEXT, DO_LAST] as const) {
      for (let i = 0; i < 30; i++) {
        const name = `${band} ${i}`;
        shop.submit(i % 4, { band, niceness: (i % 41) - 20, requirement: i % 3 === 0 ? LOCAL : ANY }, name);
        names.push(name);
      }
    }
    expect(shop.run()).toEqual(names);
  });

  test('a task of an earlier band holds back nobody who may not serve it', () => {
    const shop = new Shop();
    shop.hire('thread');
    shop.submit('a', { band: DO_NEXT, requirement: only('remote') }, 'next');
    shop.submit('a', {}, 'normal');
    shop.submit('b', { band: DO_LAST }, 'last');
    expect(shop.run()).toEqual(['normal', 'last']);
    expect([shop.scheduler.size, shop.scheduler.servable]).toEqual([1, 0]);
  });

  test('a task run again goes to the head of its series, and is charged again', () => {
    const shop = new Shop();
    shop.hire();
    for (const name of ['a1', 'a2']) shop.submit('a', {}, name);
    shop.submit('a', { niceness: -20 }, 'a-20');
    for (const name of ['b1', 'b2']) shop.submit('b', {}, name);
    shop.dispatch();
    shop.repeat();
    expect(shop.run().filter((name) => name.startsWith('a'))).toEqual(['a1', 'a1', 'a-20', 'a2']);
    expect(shop.log.slice(0, 3)).toEqual(['a1', 'b1', 'a1']);
  });

  test('a task given back returns to its place, and its series pays nothing', () => {
    const shop = new Shop();
    shop.hire();
    for (const name of ['a', 'b']) for (let i = 0; i < 2; i++) shop.submit(name, {}, `${name}${i}`);
    for (let i = 0; i < 5; i++) {
      shop.dispatch();
      expect(shop.giveBack().name).toBe('a0');
    }
    expect(shop.run().slice(5)).toEqual(['a0', 'b0', 'a1', 'b1']);
  });

  test.each([
    ['given back', 'giveBack'],
    ['run again', 'repeat'],
  ] as const)('a doNext task that is %s goes before those of other series that came after it', (_, how) => {
    const shop = new Shop();
    shop.hire();
    for (const name of ['a0', 'b0', 'a1']) shop.submit(name[0], { band: DO_NEXT }, name);
    shop.dispatch();
    shop[how]();
    expect(shop.run()).toEqual(['a0', 'a0', 'b0', 'a1']);
  });

  test('a reniced task takes its turn by its new niceness at once', () => {
    const shop = new Shop();
    shop.hire();
    const jobs = Array.from({ length: 20 }, (_, i) => shop.submit('s', {}, String(i)));
    shop.run(3);
    shop.scheduler.renice(jobs[19] as StubJob, -20);
    shop.run(5);
    expect(shop.log).toContain('19');
  });

  test('a series nobody serves delays nobody', () => {
    const shop = new Shop();
    shop.hire('async', 1, ['a']);
    shop.submit('b', { band: DO_NEXT });
    shop.submit('b');
    shop.submit('a');
    expect(shop.run()).toEqual(['a']);
    shop.hire('async', 1, ['b']);
    expect(shop.run()).toEqual(['a', 'b', 'b']);
  });
});

describe('workers', () => {
  test('those that can do less go first, so that those that can do more stay free', () => {
    const shop = new Shop();
    shop.hire();
    const narrow = shop.hire('async', 1, ['a']);
    shop.submit('a');
    shop.dispatch();
    expect(shop.running[0]?.seat).toBe(narrow);
  });

  test('the least loaded goes first, relative to how much it runs at a time', () => {
    const shop = new Shop();
    const big = shop.hire('thread', 3);
    const small = shop.hire('process', 1);
    for (let i = 0; i < 4; i++) shop.submit('a');
    shop.dispatch();
    expect([big.load, small.load]).toEqual([3, 1]);
    expect(shop.running.slice(0, 2).map(({ seat }) => seat)).toEqual(expect.arrayContaining([big, small]));
  });

  test('of equally loaded ones one without iterations goes first, but iterations weigh less than a job', () => {
    const shop = new Shop();
    const [reader, other] = [shop.hire('async', 2), shop.hire('async', 2)];
    reader.iterationCount = 5;
    shop.scheduler.touch(reader);
    for (let i = 0; i < 4; i++) shop.submit('a');
    shop.dispatch();
    expect(shop.running.map(({ seat }) => (seat === reader ? 'reader' : 'other'))).toEqual([
      'other',
      'reader',
      'other',
      'reader',
    ]);
    expect([reader.load, other.load]).toEqual([2, 2]);
  });

  test('nothing is held ahead by one while another is free, of whatever crew', () => {
    const shop = new Shop();
    const { scheduler } = shop;
    const narrow = new StubSeat('thread', 1, 2);
    const crew = scheduler.crew(new Set(['a']));
    scheduler.join(crew, 'thread');
    scheduler.open(narrow, crew);
    const wide = shop.hire('thread');
    for (let i = 0; i < 4; i++) shop.submit('a');
    shop.dispatch();
    expect(shop.running.map(({ seat }) => seat)).toEqual([narrow, wide, narrow, narrow]);
  });

  test('what may not be held waits for a free worker', () => {
    const shop = new Shop();
    const { scheduler } = shop;
    const seat = new StubSeat('thread', 1, 2);
    const crew = scheduler.crew(null);
    scheduler.join(crew, 'thread');
    scheduler.open(seat, crew);
    for (let i = 0; i < 3; i++) shop.submit('a').holdable = i !== 1;
    shop.dispatch();
    expect(seat.load).toBe(1);
    shop.finish();
    shop.dispatch();
    expect(seat.load).toBe(2);
  });

  test('a closure runs in the main thread while it is served there, and elsewhere otherwise', () => {
    const shop = new Shop();
    const thread = shop.hire('thread');
    const remote = shop.hire('remote');
    const { scheduler } = shop;
    const main = scheduler.crew(new Set(['a']));
    scheduler.join(main, 'async');
    for (const name of ['a', 'b']) shop.submit(name, { requirement: 'closure' });
    shop.dispatch();
    expect(shop.log).toEqual(['b']);
    expect(scheduler.servable).toBe(1);
    scheduler.leave(main, 'async');
    shop.finish();
    shop.dispatch();
    expect(shop.running[0]?.seat).toBe(thread);
    expect(remote.load).toBe(0);
  });

  test('equal sets of series make one crew, and a crew that nobody belongs to any more is forgotten', () => {
    const { scheduler } = new Shop();
    const crew = scheduler.crew(new Set(['a', 'b']));
    expect(scheduler.crew(new Set(['b', 'a']))).toBe(crew);
    expect(scheduler.crew(new Set(['a']))).not.toBe(crew);
    expect(scheduler.crew(null)).not.toBe(crew);
    expect(scheduler.crew(new Set())).not.toBe(scheduler.crew(null));
    scheduler.join(crew, 'async');
    scheduler.leave(crew, 'async');
    expect(scheduler.crew(new Set(['a', 'b']))).not.toBe(crew);
  });
});

describe('limits', () => {
  test('dueAt is when a limit lifts, as long as something waits for that', () => {
    const shop = new Shop();
    const { scheduler } = shop;
    shop.hire('async', 5);
    scheduler.limitSeries('a', { rate: { count: 1, interval: 100 } });
    expect(scheduler.dueAt).toBe(Infinity);
    shop.submit('a');
    const second = shop.submit('a');
    shop.dispatch();
    expect(scheduler.dueAt).toBe(100);
    scheduler.remove(second);
    expect(scheduler.dueAt).toBe(Infinity);
    shop.submit('a');
    expect(scheduler.dueAt).toBe(100);
    scheduler.isPaused = true;
    expect(scheduler.dueAt).toBe(Infinity);
    scheduler.isPaused = false;
    shop.now = 100;
    shop.dispatch();
    expect(shop.log).toHaveLength(2);
    expect(scheduler.dueAt).toBe(Infinity);
  });

  test('a limit of the queue is due only while a worker is free', () => {
    const shop = new Shop();
    const { scheduler } = shop;
    shop.hire('async', 2);
    scheduler.limit({ rate: { count: 1, interval: 100 } });
    for (let i = 0; i < 3; i++) shop.submit('a');
    shop.dispatch();
    expect(scheduler.dueAt).toBe(100);
    shop.now = 100;
    shop.dispatch();
    shop.now = 300;
    shop.dispatch();
    expect(shop.running).toHaveLength(2);
    expect(scheduler.dueAt).toBe(Infinity);
    shop.finish();
    shop.dispatch();
    expect(shop.log).toHaveLength(3);
  });

  test('starts are metered where a rate says so', () => {
    const shop = new Shop();
    const { scheduler } = shop;
    const [a, b] = [shop.submit('a'), shop.submit('b')];
    scheduler.limitSeries('a', { rate: { count: 1, interval: 1 } });
    scheduler.limitSeries('b', { concurrency: 1 });
    expect([scheduler.isMetered(a), scheduler.isMetered(b)]).toEqual([true, false]);
    scheduler.limit({ rate: { count: 1, interval: 1 } });
    expect(scheduler.isMetered(b)).toBe(true);
  });

  test('a limit set while tasks run counts them', () => {
    const shop = new Shop();
    shop.hire('async', 4);
    for (let i = 0; i < 6; i++) shop.submit('a');
    shop.dispatch();
    shop.scheduler.limitSeries('a', { concurrency: 2 });
    for (const left of [3, 2]) {
      shop.finish();
      expect(shop.dispatch()).toHaveLength(0);
      expect(shop.running).toHaveLength(left);
    }
    shop.finish();
    expect(shop.dispatch()).toHaveLength(1);
  });
});

describe('memory', () => {
  test('series used once each are forgotten, but none that has something waiting, running or limited', () => {
    const shop = new Shop();
    const { scheduler } = shop;
    shop.hire('async', 2);
    const set = vi.spyOn(Map.prototype, 'set');
    shop.submit('waits', { requirement: only('remote') });
    const series = set.mock.contexts.find((map) => map instanceof Map && map.has('waits')) as Map<unknown, unknown>;
    set.mockRestore();
    scheduler.limitSeries('limited', { rate: { count: 1, interval: 1_000_000 } });
    shop.submit('runs');
    shop.submit('limited');
    shop.dispatch();
    const [runs] = shop.running.splice(0, 1);
    let known = 0;
    for (let i = 0; i < 50_000; i++) {
      shop.submit(i);
      shop.finish();
      shop.dispatch();
      known = Math.max(known, series.size);
    }
    expect(known).toBeLessThan(11_000);
    shop.finish();
    expect(shop.log).toHaveLength(50_002);
    expect(scheduler.sizeOf('waits')).toBe(1);
    shop.submit('limited');
    expect(shop.dispatch()).toHaveLength(0);
    scheduler.limitSeries('runs', { concurrency: 1 });
    shop.submit('runs');
    expect(shop.dispatch()).toHaveLength(0);
    shop.running.unshift(runs as Assignment);
    shop.finish();
    expect(shop.dispatch().map(({ name }) => name)).toEqual(['runs']);
    shop.hire('remote');
    expect(shop.dispatch().map(({ name }) => name)).toEqual(['waits']);
  });

  test('a series that has had more than its share is remembered until the others have had theirs', () => {
    const shop = new Shop();
    shop.hire();
    const use = (series: unknown, weight = 1) => {
      shop.submit(series, { weight });
      shop.dispatch();
      shop.finish();
    };
    for (let i = 0; i < 6000; i++) use(i);
    use('greedy', 100);
    // So many that those with nothing to do are looked through.
    for (let i = 6000; i < 11_000; i++) use(i);
    shop.submit('greedy');
    shop.submit('fresh');
    expect(shop.dispatch().map(({ name }) => name)).toEqual(['fresh']);
  });

  test('a task that is added again when its series has been forgotten waits like any other', () => {
    const shop = new Shop();
    shop.hire();
    shop.submit('a');
    shop.dispatch();
    const job = shop.finish();
    for (let i = 0; i < 12_000; i++) {
      shop.submit(i);
      shop.dispatch();
      shop.finish();
    }
    job.repeated = true;
    shop.scheduler.addAgain(job);
    expect([shop.scheduler.sizeOf('a'), shop.scheduler.servable]).toEqual([1, 1]);
    expect(shop.dispatch()).toEqual([job]);
  });

  test('many series that all have something waiting are all served', () => {
    const shop = new Shop();
    for (let i = 0; i < 25_000; i++) shop.submit(i);
    shop.hire('async', 10);
    shop.run();
    expect(new Set(shop.log).size).toBe(25_000);
    expect(shop.scheduler.size).toBe(0);
  });
});
