import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Job } from '../../../src/scheduling/job.js';
import { JobList } from '../../../src/scheduling/job-list.js';
import { StubJob } from './stubs.js';

function placed(place: number): StubJob {
  const job = new StubJob(String(place));
  job.place = place;
  return job;
}

function contents(list: JobList): Job[] {
  const forwards: Job[] = [];
  for (let job = list.first; job !== null; job = job.next) forwards.push(job);
  const backwards: Job[] = [];
  for (let job = list.last; job !== null; job = job.prev) backwards.unshift(job);
  expect(backwards).toEqual(forwards);
  expect(forwards).toHaveLength(list.size);
  return forwards;
}

test('first in, first out', () => {
  const list = new JobList();
  const jobs = [1, 2, 3].map(placed);
  for (const job of jobs) list.push(job);
  expect(contents(list)).toEqual(jobs);
});

test('whatever is pushed, removed and restored, the list is in the order of arrival', () => {
  const step = fc.record({ type: fc.constantFrom('push', 'take', 'remove', 'restore'), at: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const list = new JobList();
      const out: StubJob[] = [];
      let model: StubJob[] = [];
      let places = 0;
      for (const { type, at } of steps) {
        if (type === 'push') {
          const job = placed(++places);
          model.push(job);
          list.push(job);
        } else if (type === 'restore' && out.length > 0) {
          const [job] = out.splice(at % out.length, 1) as [StubJob];
          model = [...model, job].sort((a, b) => a.place - b.place);
          list.restore(job);
        } else if (type !== 'restore' && model.length > 0) {
          const [job] = model.splice(type === 'take' ? 0 : at % model.length, 1) as [StubJob];
          out.push(job);
          list.remove(job);
          expect([job.prev, job.next]).toEqual([null, null]);
        }
        expect(contents(list)).toEqual(model);
      }
    }),
  );
});

test('restoring near either end does not look through the list', () => {
  const list = new JobList();
  for (let place = 1; place <= 100; place++) list.push(placed(place * 10));
  let looks = 0;
  const counted = (job: StubJob) => {
    const { place } = job;
    Object.defineProperty(job, 'place', { get: () => place + 0 * looks++ });
    return job;
  };
  list.restore(counted(placed(5)));
  list.restore(counted(placed(2000)));
  list.restore(counted(placed(15)));
  list.restore(counted(placed(995)));
  expect(looks).toBeLessThan(40);
  expect(contents(list)).toHaveLength(104);
});
