import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANY, LOCAL } from '../../../src/scheduling/acceptance.js';
import { DO_LAST, DO_NEXT, type Lane, NORMAL } from '../../../src/scheduling/lane.js';
import { Series } from '../../../src/scheduling/series.js';
import { countOf, StubJob } from './stubs.js';

let places = 0;

function push(lane: Lane, name: string, niceness = 0, weight = 1): StubJob {
  const job = new StubJob(name, niceness, weight);
  job.place = ++places;
  lane.push(job);
  return job;
}

function take(lane: Lane): StubJob {
  return lane.take() as StubJob;
}

function takeAll(lane: Lane): string[] {
  const names: string[] = [];
  while (lane.size > 0) names.push(take(lane).name);
  return names;
}

function normalLane(): Lane {
  return new Series('s').lane(NORMAL, ANY);
}

describe('in the normal band', () => {
  test('jobs of equal niceness go first in, first out', () => {
    const lane = normalLane();
    for (const name of ['a', 'b', 'c']) push(lane, name);
    expect(takeAll(lane)).toEqual(['a', 'b', 'c']);
  });

  test('whatever the niceness, each level is first in, first out and every job comes out once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 200 }), (levels) => {
        const lane = normalLane();
        const jobs = levels.map((niceness, i) => push(lane, String(i), niceness));
        expect(new Set(lane.jobs())).toEqual(new Set(jobs));
        const taken: StubJob[] = [];
        while (lane.size > 0) {
          const { first } = lane;
          taken.push(take(lane));
          expect(taken.at(-1)).toBe(first);
        }
        expect(lane.first).toBeNull();
        for (const niceness of new Set(levels)) {
          const ofLevel = (job: StubJob) => job.niceness === niceness;
          expect(taken.filter(ofLevel)).toEqual(jobs.filter(ofLevel));
        }
        expect(taken).toHaveLength(jobs.length);
      }),
    );
  });

  test('ten points of niceness halve the turns, at every point of the run', () => {
    fc.assert(
      fc.property(fc.integer({ min: -20, max: 10 }), fc.boolean(), (niceness, niceFirst) => {
        const lane = normalLane();
        for (let i = 0; i < 100; i++) {
          if (niceFirst) push(lane, 'nice', niceness + 10);
          push(lane, 'plain', niceness);
          if (!niceFirst) push(lane, 'nice', niceness + 10);
        }
        const names: string[] = [];
        for (let i = 0; i < 120; i++) {
          names.push(take(lane).name);
          expect(Math.abs(countOf(names, 'nice') - countOf(names, 'plain') / 2)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test('weight counts like niceness', () => {
    const lane = normalLane();
    for (let i = 0; i < 40; i++) {
      push(lane, 'heavy', 1, 4 * 2 ** -0.1);
      push(lane, 'light', 0);
    }
    const names = Array.from({ length: 50 }, () => take(lane).name);
    expect(countOf(names, 'heavy')).toBe(10);
  });

  test('a level gets no credit for having been empty', () => {
    const lane = normalLane();
    for (let i = 0; i < 100; i++) push(lane, 'old');
    for (let i = 0; i < 50; i++) take(lane);
    for (let i = 0; i < 20; i++) push(lane, 'late', 10);
    const names = Array.from({ length: 30 }, () => take(lane).name);
    expect(Math.abs(countOf(names, 'late') - 10)).toBeLessThanOrEqual(1);
  });

  test('the levels take turns over all lanes of the series', () => {
    const series = new Series('s');
    const lanes = [series.lane(NORMAL, ANY), series.lane(NORMAL, LOCAL)] as const;
    for (let i = 0; i < 40; i++) {
      push(lanes[0], 'plain');
      push(lanes[1], 'nice', 10);
    }
    const names: string[] = [];
    for (let i = 0; i < 60; i++) names.push(take(lanes[0].precedes(lanes[1]) ? lanes[0] : lanes[1]).name);
    expect(countOf(names, 'nice')).toBe(20);
  });

  test('of two lanes with the same level the one whose job came first has the turn', () => {
    const series = new Series('s');
    const lanes = [series.lane(NORMAL, ANY), series.lane(NORMAL, LOCAL)] as const;
    push(lanes[1], 'a');
    push(lanes[0], 'b');
    expect(lanes[0].precedes(lanes[1])).toBe(false);
    expect(lanes[1].precedes(lanes[0])).toBe(true);
    take(lanes[1]);
    push(lanes[1], 'c');
    expect(lanes[0].precedes(lanes[1])).toBe(true);
  });

  test('jobs to be run again go before all others, in the order in which they first came', () => {
    const lane = normalLane();
    const jobs = ['a', 'b', 'c'].map((name) => push(lane, name, 20));
    push(lane, 'd', -20);
    const taken = new Set(Array.from({ length: 4 }, () => take(lane)));
    expect(taken.size).toBe(4);
    push(lane, 'e', -20);
    for (const job of [...jobs].reverse()) {
      job.repeated = true;
      lane.pushAgain(job);
    }
    expect(takeAll(lane)).toEqual(['a', 'b', 'c', 'e']);
  });

  test('a job given back returns to its place, among those run again too, and its level is refunded', () => {
    const lane = normalLane();
    for (const name of ['a', 'b', 'c']) push(lane, name);
    push(lane, 'nice', 10);
    const [a, b] = [take(lane), take(lane)];
    lane.restore(b);
    lane.restore(a);
    expect(lane.size).toBe(4);
    expect([a.name, b.name]).toContain('a');
    expect(takeAll(lane)).toEqual(['a', 'nice', 'b', 'c']);

    a.repeated = true;
    lane.pushAgain(a);
    push(lane, 'd', -20);
    lane.restore(take(lane));
    expect(takeAll(lane)).toEqual(['a', 'd']);
  });

  test('a job reniced joins its new level last, and stays where it is if that changes nothing', () => {
    const lane = normalLane();
    const jobs = ['a', 'b', 'c'].map((name) => push(lane, name));
    push(lane, 'd', -20);
    lane.renice(jobs[2] as StubJob, -20, ++places);
    expect(jobs[2]?.niceness).toBe(-20);
    lane.renice(jobs[0] as StubJob, 0, ++places);
    expect(lane.size).toBe(4);
    const names = takeAll(lane);
    expect(names.indexOf('d')).toBeLessThan(names.indexOf('c'));
    expect(names.indexOf('a')).toBeLessThan(names.indexOf('b'));
  });

  test('a job to be run again keeps its place when it is reniced', () => {
    const lane = normalLane();
    const a = push(lane, 'a');
    const b = push(lane, 'b');
    take(lane);
    take(lane);
    for (const job of [a, b]) {
      job.repeated = true;
      lane.pushAgain(job);
    }
    lane.renice(a, 20, ++places);
    expect(takeAll(lane)).toEqual(['a', 'b']);
  });

  test('a job can leave from anywhere', () => {
    const lane = normalLane();
    const jobs = ['a', 'b', 'c'].map((name) => push(lane, name));
    lane.remove(jobs[1] as StubJob);
    expect(takeAll(lane)).toEqual(['a', 'c']);
    expect(lane.size).toBe(0);
  });
});

describe.each([
  ['doNext', DO_NEXT],
  ['doLast', DO_LAST],
] as const)('in the band %s', (_, band) => {
  const outer = () => new Series('s').lane(band, ANY);

  test('niceness means nothing', () => {
    const lane = outer();
    push(lane, 'a', 20);
    push(lane, 'b', -20);
    push(lane, 'c', 0);
    expect(takeAll(lane)).toEqual(['a', 'b', 'c']);
  });

  test('a job reniced keeps its place', () => {
    const lane = outer();
    const a = push(lane, 'a');
    push(lane, 'b');
    const { place } = a;
    lane.renice(a, 5, ++places);
    expect([a.niceness, a.place]).toEqual([5, place]);
    expect(takeAll(lane)).toEqual(['a', 'b']);
  });

  test('what is given back or run again returns to its place', () => {
    const lane = outer();
    for (const name of ['a', 'b', 'c']) push(lane, name);
    const [a, b] = [take(lane), take(lane)];
    lane.restore(b);
    a.repeated = true;
    lane.pushAgain(a);
    expect(takeAll(lane)).toEqual(['a', 'b', 'c']);
  });
});
