import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { command, endOfCommand, split } from '../../../src/protocol/messages.js';
import type { OpenChannel } from '../../../src/workers/channel.js';
import { ChildWorker, type ChildWorkerSettings } from '../../../src/workers/child-worker.js';
import type { Assignment, Employer } from '../../../src/workers/worker.js';
import { FakeAssignment, type FakeChannel, fakeChannels } from './fake-channel.js';

class FakeWorker extends ChildWorker {
  readonly kind = 'fake';

  constructor(open: OpenChannel, settings: Partial<ChildWorkerSettings> = {}) {
    const { POSITIVE_INFINITY: never } = Number;
    super({ concurrency: 1, series: null, graceful: 10, maxTasks: never, maxMemory: never, ...settings }, open);
  }
}

const idle: Employer = { resign: () => {}, lost: () => {}, pause: () => {}, ready: async () => {} };

/** Waits for the worker to start its `n`th channel. */
async function opened(channels: readonly FakeChannel[], n: number): Promise<FakeChannel> {
  while (channels.length < n) await new Promise((resolve) => setImmediate(resolve));
  return channels[n - 1] as FakeChannel;
}

/** A worker that has started its first channel. */
async function started(settings?: Partial<ChildWorkerSettings>, employer: Partial<Employer> = {}) {
  const { open, channels } = fakeChannels();
  const worker = new FakeWorker(open, settings);
  const start = worker.start({ ...idle, ...employer });
  const channel = await opened(channels, 1);
  channel.say((to) => to.ready());
  await start;
  return { worker, channels, channel };
}

/** How often the channel was told this. */
const timesTold = ({ received }: FakeChannel, what: number) =>
  received.flatMap((message) => split(message, endOfCommand)).filter(([op]) => op === what).length;
const turn = () => new Promise((resolve) => setImmediate(resolve));

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

  it('holds nothing, gives nothing back and uses no memory while it has none', async () => {
    const { worker, channel } = await started();
    const assignment = new FakeAssignment();
    worker.run(assignment);
    channel.exit();
    expect(worker.holds(assignment.fn)).toBe(false);
    expect(await worker.recall(assignment)).toBe(false);
    expect(await worker.memory()).toBe(0);
  });

  it('gives up the pause before the next attempt to start one when it is stopped', async () => {
    let opens = 0;
    const open = () => {
      opens++;
      throw 'no more threads';
    };
    const worker = new FakeWorker(open);
    const start = worker.start(idle);
    // The first attempt has failed, and the pause has begun.
    await turn();
    await worker.stop();
    await expect(start).rejects.toThrow('The fake could not be started because it was stopped: ');
    expect(opens).toBe(1);
  });

  it('replaces it after so many tasks, once all it has have ended', async () => {
    const log: string[] = [];
    const { worker, channels, channel } = await started(
      { concurrency: 2, maxTasks: 2 },
      { pause: () => log.push('pause') },
    );
    worker.run(new FakeAssignment());
    worker.run(new FakeAssignment());
    // Nobody gives it more than it can run without asking.
    expect(log).toEqual([]);
    expect(worker.holds(new FakeAssignment().fn)).toBe(false);
    channel.say((to) => to.done(0, 1, 1, 2));
    expect(log).toEqual(['pause']);
    expect(channels).toHaveLength(1);
    channel.say((to) => to.done(1, 1, 1, 2));
    expect(channels).toHaveLength(2);
    expect(timesTold(channel, command.stop)).toBe(1);
  });

  it('replaces it once when its last task ends, which is when it could be given one more', async () => {
    const { worker, channels, channel } = await started({ maxTasks: 1 });
    worker.run(new FakeAssignment());
    channel.say((to) => to.done(0, 1, 1, 2));
    expect(channels).toHaveLength(2);
    expect(timesTold(channel, command.stop)).toBe(1);
  });

  it('pauses when it has had all its tasks and could be given more, which is before they are through', async () => {
    const log: string[] = [];
    const { worker } = await started({ concurrency: 4, maxTasks: 1 }, { pause: () => log.push('pause') });
    worker.run(new FakeAssignment(1, true));
    expect(log).toEqual([]);
    worker.run(new FakeAssignment());
    expect(log).toEqual(['pause']);
  });

  it('does not count what was given back, or could not be sent', async () => {
    const log: string[] = [];
    const { worker, channel } = await started({ maxTasks: 2 }, { pause: () => log.push('pause') });
    const [first, second, closure, third] = Array.from({ length: 4 }, () => new FakeAssignment()) as [
      FakeAssignment,
      FakeAssignment,
      FakeAssignment,
      FakeAssignment,
    ];
    worker.run(first);
    closure.args[0] = () => {};
    worker.run(closure);
    expect(closure.log.at(-1)).toMatch(/^failed/);
    worker.run(second);
    const answer = worker.recall(second);
    channel.say((to) => to.recalled(1, 3, true));
    expect(await answer).toBe(true);
    channel.say((to) => to.done(0, 1, 1, 2));
    expect(log).toEqual([]);
    worker.run(third);
    channel.say((to) => to.done(0, 1, 1, 2));
    expect(log).toEqual(['pause']);
  });

  it('keeps, as it pauses, a task of its last that waits for updates', async () => {
    const assignments = Array.from({ length: 3 }, (_, i) => new FakeAssignment(1, i < 2));
    const recalled: unknown[] = [];
    const { worker, channels, channel } = await started(
      { concurrency: 2, maxTasks: 1 },
      { pause: () => recalled.push(...assignments.map((assignment) => worker.recall(assignment))) },
    );
    for (const assignment of assignments) worker.run(assignment);
    expect(recalled).toEqual([false, false, false]);
    for (const slot of [0, 1]) channel.say((to) => to.done(slot, 1, 1, 2));
    expect(channels).toHaveLength(1);
    channel.say((to) => to.done(2, 1, 1, 2));
    expect(channels).toHaveLength(2);
  });

  it('counts tasks that come before it has heard that it may go on', async () => {
    const log: string[] = [];
    const ready = async () => {
      worker.run(new FakeAssignment());
      log.push('given one');
    };
    const { worker, channels, channel } = await started(
      { concurrency: 4, maxTasks: 1 },
      { ready, pause: () => log.push('pause') },
    );
    channel.exit();
    (await opened(channels, 2)).say((to) => to.ready());
    await turn();
    expect(log).toEqual(['pause', 'given one']);
    (channels[1] as FakeChannel).say((to) => to.done(0, 1, 1, 2));
    (await opened(channels, 3)).say((to) => to.ready());
  });

  it('tells who waits for something of one that is ended because an update fails', async () => {
    const qualifying = new FakeAssignment(1, true);
    const log: string[] = [];
    let readies = 0;
    const ready = async () => {
      if (++readies > 1) return;
      worker.run(qualifying);
      throw new Error('the update failed');
    };
    const { worker, channels, channel } = await started({}, { ready, lost: () => log.push('lost') });
    channel.exit();
    expect(log).toEqual(['lost']);
    const second = await opened(channels, 2);
    second.say((to) => to.ready());
    await turn();
    expect(second.isKilled).toBe(true);
    expect(channels).toHaveLength(2);
    second.exit();
    expect(log).toEqual(['lost', 'lost']);
    await opened(channels, 3);
  });

  it('lets an update that comes while it has none fail', async () => {
    const { worker, channel } = await started();
    channel.exit();
    const update = new FakeAssignment(1, true);
    worker.run(update);
    expect(update.log).toEqual(['lost: The fake that was to run it has died']);
  });

  it('keeps one that was replaced until the iterations there are over', async () => {
    const { worker, channels, channel } = await started({ maxTasks: 1 });
    worker.run(new FakeAssignment());
    channel.say((to) => to.iterates(0, 1, 2));
    expect(channels).toHaveLength(2);
    expect(timesTold(channel, command.stop)).toBe(0);
    channel.say((to) => to.iterated(0, null));
    expect(timesTold(channel, command.stop)).toBe(1);
    expect(timesTold(channels[1] as FakeChannel, command.stop)).toBe(0);
  });

  describe('that was replaced and whose readers leave', () => {
    /** Two iterations on one that was replaced, and how to leave them. */
    async function leavable() {
      const sources: Parameters<Assignment['iterate']>[0][] = [];
      const { worker, channels, channel } = await started({ concurrency: 2, maxTasks: 2 });
      for (let slot = 0; slot < 2; slot++) {
        const assignment = new FakeAssignment();
        assignment.iterate = (source?: Parameters<Assignment['iterate']>[0]) => void sources.push(source as never);
        worker.run(assignment);
      }
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      onTestFinished(() => void vi.useRealTimers());
      for (let slot = 0; slot < 2; slot++) channel.say((to) => to.iterates(slot, 1, 2));
      expect(channels).toHaveLength(2);
      return { channel, leave: sources.map((source) => () => source.close()) as [() => unknown, () => unknown] };
    }

    it('is ended when the iterations there hang', async () => {
      const { channel, leave } = await leavable();
      const ends = [leave[0]()];
      vi.advanceTimersByTime(10);
      expect(channel.isKilled).toBe(false);
      ends.push(leave[1]());
      vi.advanceTimersByTime(9);
      expect(channel.isKilled).toBe(false);
      vi.advanceTimersByTime(1);
      expect(channel.isKilled).toBe(true);
      channel.exit();
      expect(await Promise.allSettled(ends)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    });

    it('has its whole time to exit when they end in theirs', async () => {
      const { channel, leave } = await leavable();
      for (const one of leave) one();
      vi.advanceTimersByTime(9);
      for (let slot = 0; slot < 2; slot++) channel.say((to) => to.iterated(slot, null));
      expect(timesTold(channel, command.stop)).toBe(1);
      vi.advanceTimersByTime(9);
      expect(channel.isKilled).toBe(false);
      vi.advanceTimersByTime(1);
      expect(channel.isKilled).toBe(true);
    });
  });

  it('asks for its memory after a task, once at a time, and replaces it if that is too much', async () => {
    const log: string[] = [];
    const { worker, channels, channel } = await started({ maxMemory: 100 }, { pause: () => log.push('pause') });
    const runOne = () => {
      worker.run(new FakeAssignment());
      channel.say((to) => to.done(0, 1, 1, 2));
    };
    runOne();
    runOne();
    await turn();
    expect(timesTold(channel, command.measure)).toBe(1);
    channel.say((to) => to.measured(100));
    await turn();
    expect(log).toEqual([]);
    runOne();
    await turn();
    channel.say((to) => to.measured(101));
    await turn();
    expect(log).toEqual(['pause']);
    expect(channels).toHaveLength(2);
  });
});
