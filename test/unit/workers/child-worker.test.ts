import { describe, expect, it, vi } from 'vitest';
import type { OpenChannel } from '../../../src/workers/channel.js';
import { ChildWorker } from '../../../src/workers/child-worker.js';
import type { Employer } from '../../../src/workers/worker.js';
import { FakeAssignment, type FakeChannel, fakeChannels } from './fake-channel.js';

class FakeWorker extends ChildWorker {
  readonly kind = 'fake';

  constructor(open: OpenChannel) {
    const { POSITIVE_INFINITY: never } = Number;
    super({ concurrency: 1, series: null, graceful: 10, maxTasks: never, maxMemory: never }, open);
  }
}

const idle: Employer = { resign: () => {}, lost: () => {}, pause: () => {}, ready: async () => {} };

/** Waits for the worker to start its `n`th channel. */
async function opened(channels: readonly FakeChannel[], n: number): Promise<FakeChannel> {
  while (channels.length < n) await new Promise((resolve) => setImmediate(resolve));
  return channels[n - 1] as FakeChannel;
}

describe('a worker with a thread or process of its own', () => {
  it('starts another one when the first dies in the moment in which it is ready', async () => {
    const { open, channels } = fakeChannels();
    const worker = new FakeWorker(open);
    const start = worker.start(idle);
    const first = await opened(channels, 1);
    first.say((to) => to.ready());
    first.exit();
    const second = await opened(channels, 2);
    second.say((to) => to.ready());
    await start;
    const assignment = new FakeAssignment();
    worker.run(assignment);
    second.say((to) => to.done(0, 5, 1, 2));
    expect(assignment.log).toEqual(['started', 'done 5']);
  });

  it('kills what it has started when it is crashed in the moment in which that is ready', async () => {
    const { open, channels } = fakeChannels();
    const worker = new FakeWorker(open);
    const start = worker.start(idle);
    const channel = await opened(channels, 1);
    channel.say((to) => to.ready());
    worker.crash();
    expect(channel.isKilled).toBe(true);
    await expect(start).rejects.toMatchObject({ code: 'ERR_WORKER_START' });
  });

  it('that is crashed waits until what it has started is gone', async () => {
    const { open, channels } = fakeChannels();
    const worker = new FakeWorker(open);
    const start = worker.start(idle);
    const channel = await opened(channels, 1);
    channel.say((to) => to.ready());
    await start;
    const crashed = worker.crash();
    expect(channel.isKilled).toBe(true);
    const turn = new Promise((resolve) => setImmediate(resolve, 'still waits'));
    expect(await Promise.race([crashed, turn])).toBe('still waits');
    channel.exit();
    await crashed;
  });

  it('that is crashed does not wait for ever for what can not be killed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      const { open, channels } = fakeChannels();
      const worker = new FakeWorker(open);
      const start = worker.start(idle);
      (await opened(channels, 1)).say((to) => to.ready());
      await start;
      const crashed = worker.crash();
      expect(vi.getTimerCount()).toBe(1);
      vi.runAllTimers();
      await crashed;
    } finally {
      vi.useRealTimers();
    }
  });

  it('counts only failed starts in a row', async () => {
    const { open, channels } = fakeChannels();
    const worker = new FakeWorker(open);
    const resigned: Error[] = [];
    const start = worker.start({ ...idle, resign: (error) => resigned.push(error) });
    for (let n = 1; n <= 2; n++) (await opened(channels, n)).exit();
    (await opened(channels, 3)).say((to) => to.ready());
    await start;
    (await opened(channels, 3)).exit();
    for (let n = 4; n <= 5; n++) (await opened(channels, n)).exit();
    (await opened(channels, 6)).say((to) => to.ready());
    expect(resigned).toEqual([]);
  });

  it('replaces one that dies between being ready and its first task', async () => {
    const { open, channels } = fakeChannels();
    const worker = new FakeWorker(open);
    let readies = 0;
    const ready = async () => {
      readies++;
      if (readies === 1) (await opened(channels, 2)).exit();
    };
    const start = worker.start({ ...idle, ready });
    (await opened(channels, 1)).say((to) => to.ready());
    await start;
    (channels[0] as FakeChannel).exit();
    (await opened(channels, 2)).say((to) => to.ready());
    (await opened(channels, 3)).say((to) => to.ready());
    while (readies < 2) await new Promise((resolve) => setImmediate(resolve));
    const assignment = new FakeAssignment();
    worker.run(assignment);
    expect(assignment.log).toEqual(['started']);
  });
});
