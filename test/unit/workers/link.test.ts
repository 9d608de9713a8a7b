import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WorkerLostError } from '../../../src/errors.js';
import { Claims } from '../../../src/protocol/claims.js';
import { encodeError } from '../../../src/protocol/error-record.js';
import { command, endOfCommand, report, split } from '../../../src/protocol/messages.js';
import { Link } from '../../../src/workers/link.js';
import { Wakefulness } from '../../../src/workers/wakefulness.js';
import type { Assignment } from '../../../src/workers/worker.js';
import { FakeAssignment, type FakeChannel, fakeChannels } from './fake-channel.js';

function connect(concurrency = 1, claims: Claims | null = null, wakefulness = new Wakefulness()) {
  const { open, channels } = fakeChannels(claims);
  const unstarted: Assignment[] = [];
  const losses: unknown[] = [];
  const link = new Link(
    open,
    {
      ready: () => {},
      released: () => {},
      ended: (loss, left) => {
        losses.push(loss.cause);
        unstarted.push(...left);
        return new WorkerLostError('it died', loss);
      },
    },
    { concurrency, graceful: 10, workerId: 1, wakefulness },
  );
  return { link, channel: channels[0] as FakeChannel, unstarted, losses };
}

/** Error records that nobody should send. */
const badRecords: unknown[] = [
  { type: 'error' },
  { type: 'error', properties: 5 },
  { type: 'error', errors: 'none', properties: [] },
  { type: 'error', message: 'm', name: 'n', base: 'Error', properties: [['a']] },
  { type: 'error', cause: {}, properties: [] },
  { type: 'seen', index: 7 },
  { type: 'nonsense' },
  null,
  'error',
];

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a link', () => {
  it('tells how a task has ended before the next one begins', () => {
    const { link, channel } = connect();
    const log: string[] = [];
    const sources: Parameters<Assignment['iterate']>[0][] = [];
    for (const name of ['returns', 'throws', 'iterates', 'last']) {
      const assignment = new FakeAssignment();
      const has = (what: string) => void (log.at(-1) !== `${name} ${what}` && log.push(`${name} ${what}`));
      assignment.started = () => has('started');
      assignment.done = () => has('ended');
      assignment.fail = () => has('ended');
      assignment.iterate = (source?: (typeof sources)[number]) => {
        sources.push(source as (typeof sources)[number]);
        has('ended');
      };
      link.run(assignment);
    }
    channel.say((to) => {
      to.done(0, 5, 1, 2);
      to.failed(1, encodeError(new Error('no')), 3, 4);
      to.iterates(2, 5, 6);
    });
    expect(log).toEqual([
      'returns started',
      'returns ended',
      'throws started',
      'throws ended',
      'iterates started',
      'iterates ended',
      'last started',
    ]);
  });

  describe('that was told to end one of two tasks', () => {
    function cancelling(reason: unknown = new Error('enough')) {
      const { link, channel } = connect(2);
      const [cancelled, other] = [new FakeAssignment(), new FakeAssignment()];
      link.run(cancelled);
      link.run(other);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      onTestFinished(() => void vi.useRealTimers());
      const cancel = () => link.cancel(cancelled, reason);
      /** Has it told, and its time be over before this side reads that it has heard of it. */
      const answerLate = async () => {
        cancel();
        await turn();
        vi.advanceTimersByTime(10);
        channel.say((to) => to.aborted(0, 1));
        await turn();
        expect(channel.isKilled).toBe(false);
      };
      return { link, channel, cancel, answerLate, cancelOther: () => link.cancel(other, 0) };
    }

    it('leaves alone who has answered, though this side was too busy to hear of it in time', async () => {
      const { channel, answerLate } = cancelling();
      await answerLate();
      channel.say((to) => to.done(1, 5, 1, 2));
      expect(channel.isKilled).toBe(true);
    });

    it('leaves the other alone when it has ended, be it late', async () => {
      const { channel, answerLate } = cancelling();
      await answerLate();
      channel.say((to) => to.done(0, 5, 1, 2));
      expect(channel.isKilled).toBe(false);
    });

    it('asks again whether it reads what it is sent, as long as a task runs whose time is over', async () => {
      const { channel, answerLate } = cancelling();
      await answerLate();
      for (let times = 0; times < 2; times++) {
        channel.say((to) => to.recalled(0, 1, false));
        vi.advanceTimersByTime(3000);
        await turn();
        expect(channel.isKilled).toBe(false);
      }
      vi.advanceTimersByTime(3000);
      await turn();
      expect(channel.isKilled).toBe(true);
    });

    it('gives it its time from when it is told', async () => {
      const { channel, cancel } = cancelling();
      cancel();
      vi.advanceTimersByTime(10);
      await turn();
      expect(channel.isKilled).toBe(false);
      vi.advanceTimersByTime(10);
      await turn();
      expect(channel.isKilled).toBe(true);
    });

    it('ends who does not answer, though the reason can not be sent', async () => {
      let looks = 0;
      const hostile = new Proxy(new Error('hostile'), {
        getPrototypeOf: () => {
          if (++looks > 1) throw new RangeError('too deep');
          return Error.prototype;
        },
      });
      const { channel, cancel } = cancelling(hostile);
      expect(cancel).toThrow('too deep');
      await turn();
      vi.advanceTimersByTime(10);
      await turn();
      expect(channel.isKilled).toBe(true);
    });

    it('ends it once', async () => {
      const { link, channel, cancel, cancelOther } = cancelling();
      cancel();
      cancelOther();
      await turn();
      vi.advanceTimersByTime(10);
      await turn();
      link.kill();
      expect(channel.kills).toBe(1);
    });

    it('forgets about it when it ends in time', async () => {
      const { channel, cancel } = cancelling();
      cancel();
      await turn();
      channel.say((to) => to.done(0, 5, 1, 2));
      expect(vi.getTimerCount()).toBe(0);
      expect(channel.isKilled).toBe(false);
    });
  });

  it.each([
    ['an iteration', false],
    ['a task that has led to an iteration meanwhile', true],
  ])('ends one that does not read that %s is to end', async (_, isCancelledBefore) => {
    const { link, channel } = connect();
    const assignment = new FakeAssignment();
    let source: Parameters<Assignment['iterate']>[0] | undefined;
    assignment.iterate = (given?: typeof source) => {
      source = given;
    };
    link.run(assignment);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    if (isCancelledBefore) {
      link.cancel(assignment, new Error('enough'));
      await turn();
    }
    channel.say((to) => to.iterates(0, 1, 2));
    if (!isCancelledBefore) source?.abort(new Error('enough'));
    await turn();
    vi.advanceTimersByTime(10);
    await turn();
    expect(channel.isKilled).toBe(true);
  });

  describe('on which a task and an iteration go on', () => {
    /** The iteration is in slot 0, the task in slot 1. */
    function iterating() {
      const { link, channel } = connect();
      const [iterates, runs] = [new FakeAssignment(), new FakeAssignment()];
      let source: Parameters<Assignment['iterate']>[0] | undefined;
      iterates.iterate = (given?: typeof source) => {
        source = given;
      };
      link.run(iterates);
      channel.say((to) => to.iterates(0, 1, 2));
      link.run(runs);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      onTestFinished(() => void vi.useRealTimers());
      return { channel, abort: () => source?.abort(new Error('enough')), cancel: () => link.cancel(runs, 0) };
    }

    it('leaves the task alone, which may keep it from reading that the iteration is to end', async () => {
      const { channel, abort } = iterating();
      abort();
      await turn();
      for (const time of [10, 3000]) {
        vi.advanceTimersByTime(time);
        await turn();
        expect(channel.isKilled).toBe(false);
      }
      channel.say((to) => to.done(1, 5, 1, 2));
      vi.advanceTimersByTime(3000);
      await turn();
      expect(channel.isKilled).toBe(true);
    });

    it('ends it when the task has had its time and the iteration ends', async () => {
      const { channel, cancel } = iterating();
      cancel();
      await turn();
      channel.say((to) => to.aborted(1, 2));
      vi.advanceTimersByTime(10);
      await turn();
      expect(channel.isKilled).toBe(false);
      channel.say((to) => to.iterated(0, null));
      expect(channel.isKilled).toBe(true);
    });

    it('takes for an answer only what is said after the task was told to end', async () => {
      const { channel, cancel } = iterating();
      channel.say((to) => to.recalled(1, 2, false));
      cancel();
      await turn();
      vi.advanceTimersByTime(10);
      await turn();
      expect(channel.isKilled).toBe(true);
    });
  });

  it('keeps a task that is told to have failed in a way nobody can read, until its worker has died', () => {
    for (const record of badRecords) {
      const { link, channel, losses } = connect();
      const assignment = new FakeAssignment();
      link.run(assignment);
      channel.sayRaw([report.failed, 0, record, 1, 2]);
      expect(channel.isKilled).toBe(true);
      expect(link.size).toBe(1);
      channel.exit();
      expect(losses).toEqual([expect.any(TypeError)]);
    }
  });

  it('rejects the reader of an iteration whose end nobody can read, when its worker has died', async () => {
    for (const record of badRecords.filter((record) => record !== null)) {
      const { link, channel } = connect();
      const sources: Parameters<Assignment['iterate']>[0][] = [];
      const assignment = new FakeAssignment();
      assignment.iterate = (source?: Parameters<Assignment['iterate']>[0]) => void sources.push(source as never);
      link.run(assignment);
      channel.say((to) => to.iterates(0, 1, 2));
      const next = sources[0]?.next();
      channel.sayRaw([report.iterated, 0, record]);
      channel.exit();
      await expect(next).rejects.toThrow('it died');
    }
  });

  it('survives last words that nobody can read', () => {
    for (const record of badRecords) {
      const { channel, losses } = connect();
      channel.sayRaw([report.crashed, record]);
      channel.exit();
      expect(losses).toEqual([expect.any(TypeError)]);
    }
  });

  it('hears of one end of a task only', () => {
    const { link, channel, losses } = connect();
    const assignment = new FakeAssignment();
    link.run(assignment);
    channel.say((to) => to.iterates(0, 1, 2));
    channel.say((to) => to.iterates(0, 1, 2));
    channel.exit();
    expect(assignment.log).toEqual(['started', 'iterates']);
    expect(losses).toEqual([new TypeError('the task in slot 0 has ended before')]);
  });

  it('takes no times that are no numbers', () => {
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY, '1', null, {}]) {
      const { link, channel } = connect();
      const assignment = new FakeAssignment();
      link.run(assignment);
      channel.sayRaw([report.done, 0, 'value', 1, time]);
      expect(channel.isKilled).toBe(true);
      expect(assignment.log).toEqual(['started']);
    }
  });

  it('asks once for a task that several want back, and answers all of them', async () => {
    const { link, channel } = connect();
    const [first, second] = [new FakeAssignment(), new FakeAssignment()];
    link.run(first);
    link.run(second);
    const answers = [link.recall(second), link.recall(second)];
    channel.say((to) => to.recalled(1, 2, true));
    expect(await Promise.all(answers)).toEqual([true, true]);
    const again = new FakeAssignment();
    link.run(again);
    const lost = [link.recall(again), link.recall(again)];
    channel.exit();
    expect(await Promise.all(lost)).toEqual([false, false]);
  });

  describe('to what has exited', () => {
    const three = () => [new FakeAssignment(), new FakeAssignment(), new FakeAssignment()] as const;

    it('without a last word counts all that was sent as begun, for only claims could tell', () => {
      const { link, channel, unstarted } = connect();
      const assignments = three();
      for (const assignment of assignments) link.run(assignment);
      channel.say((to) => to.done(0, 5, 1, 2));
      channel.exit();
      expect(unstarted).toEqual([]);
      expect(assignments.map(({ log }) => log)).toEqual([['started', 'done 5'], ['started'], ['started']]);
    });

    it('with a last word counts only what runs as begun, and gives back what was held', () => {
      const { link, channel, unstarted } = connect();
      const assignments = three();
      for (const assignment of assignments) link.run(assignment);
      channel.say((to) => {
        to.done(0, 5, 1, 2);
        to.ends();
      });
      channel.exit();
      expect(unstarted).toEqual([assignments[2]]);
    });

    it('and shares memory counts what was claimed as begun', () => {
      const claims = Claims.create(3);
      const { link, channel, unstarted } = connect(1, claims);
      const assignments = three();
      for (const assignment of assignments) link.run(assignment);
      claims.take(0, 1);
      claims.take(1, 2);
      channel.exit();
      expect(unstarted).toEqual([assignments[2]]);
    });

    it('for want of reading what was sent counts what should run as begun, though nothing was claimed', () => {
      const { link, channel, unstarted } = connect(1, Claims.create(3));
      const assignments = three();
      for (const assignment of assignments) link.run(assignment);
      channel.say((to) => to.ends());
      channel.exit();
      expect(unstarted).toEqual(assignments.slice(1));
    });
  });

  it('sends what is run again in a message of its own, and nothing behind it', async () => {
    const { link, channel } = connect(1, Claims.create(9));
    const [first, again] = [new FakeAssignment(), new FakeAssignment(2)];
    link.run(first);
    expect(link.holds(first.fn)).toBe(true);
    await Promise.resolve();
    channel.say((to) => to.done(0, 5, 1, 1));
    const messages = channel.received.length;
    link.run(again);
    expect(channel.received.slice(messages).map((message) => message[0])).toEqual([command.run]);
    expect(link.holds(first.fn)).toBe(false);
  });

  it('fails at once what can not be sent, and nothing else', async () => {
    const { link, channel } = connect(2);
    const [native, fine, closure] = [new FakeAssignment(), new FakeAssignment(), new FakeAssignment()];
    const bound = Math.max as unknown as FakeAssignment['fn'];
    link.run(Object.assign(native, { fn: bound }));
    link.run(fine);
    closure.args[0] = () => {};
    link.run(closure);
    await Promise.resolve();
    expect(link.holds(bound)).toBe(false);
    expect(native.log).toEqual([expect.stringMatching(/^failed: The function `max` is native/)]);
    expect(closure.log).toEqual(['started', expect.stringMatching(/^failed: Argument 0 can't be sent to the worker/)]);
    expect(link.size).toBe(1);
    channel.say((to) => to.done(0, 5, 1, 2));
    expect(fine.log).toEqual(['started', 'done 5']);
  });

  it('neither cancels nor takes back what it does not have, or has started', async () => {
    const { link, channel } = connect();
    const [running, other] = [new FakeAssignment(), new FakeAssignment()];
    link.run(running);
    await Promise.resolve();
    expect(link.recall(running)).toBe(false);
    expect(link.recall(other)).toBe(false);
    link.cancel(other, new Error('enough'));
    await Promise.resolve();
    expect(channel.received).toHaveLength(1);
  });

  it('finds an assignment by what it has left there, and takes that along when it ends', async () => {
    const { link, channel } = connect(2);
    const { link: another } = connect(2);
    const [first, second] = [new FakeAssignment(), new FakeAssignment()];
    link.run(first);
    another.run(second);
    link.cancel(second, new Error('enough'));
    another.cancel(first, new Error('enough'));
    await Promise.resolve();
    expect(channel.received.flatMap((message) => split(message, endOfCommand)).map(([op]) => op)).toEqual([
      command.source,
      command.run,
    ]);
    expect(first.token).not.toBe(null);
    channel.say((to) => to.done(0, 5, 1, 2));
    expect(first.token).toBe(null);
  });

  it('has no memory once it has exited', async () => {
    const { link, channel } = connect();
    const asked = link.memory();
    channel.exit();
    expect(await asked).toBe(0);
    expect(await link.memory()).toBe(0);
  });

  it('tells the other side now and then to forget the functions it was told of', async () => {
    const { link, channel } = connect();
    const runAll = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const fn = { url: 'file:///tasks.js', name: `task${n}` } as unknown as FakeAssignment['fn'];
        link.run(Object.assign(new FakeAssignment(), { fn }));
      }
      await Promise.resolve();
    };
    await runAll(1000);
    const told = () => {
      const parts = channel.received.flatMap((message) => split(message, endOfCommand));
      return (of: number) => parts.filter(([op]) => op === of).length;
    };
    expect(told()(command.reference)).toBe(1000);
    expect(told()(command.forget)).toBe(0);
    await runAll(1001);
    // One more than it may know: all are forgotten, and told again when they are named.
    expect(told()(command.forget)).toBe(1);
    expect(told()(command.reference)).toBe(1001);
  });

  it('never throws and never settles a task twice, whatever it is told', () => {
    const word = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: -2, max: 12 }) },
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40, null, undefined, true, 'text'),
      fc.constantFrom([], [1, 2], {}, encodeError(new Error('real')), ...badRecords),
    );
    const message = fc.oneof({ weight: 5, arbitrary: fc.array(word, { maxLength: 12 }) }, word);
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), (messages) => {
        const { link, channel, unstarted } = connect(2);
        const assignments = Array.from({ length: 4 }, () => new FakeAssignment());
        for (const assignment of assignments) link.run(assignment);
        for (const message of messages) channel.sayRaw(message);
        channel.exit();
        for (const assignment of assignments) {
          const ends = assignment.log.filter((entry) => /^(?:done|failed|iterates)/.test(entry)).length;
          expect(ends).toBeLessThanOrEqual(1);
          if (unstarted.includes(assignment)) expect(ends).toBe(0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  describe('with a say in who stays awake', () => {
    /** Counts who waits. */
    class FakeWakefulness extends Wakefulness {
      told = 0;
      waiting = 0;
      ended = 0;
      override get turns(): number {
        return this.told;
      }
      override begins(): void {
        this.waiting++;
      }
      override ends(): void {
        this.waiting--;
      }
      override taskEnded(): void {
        this.ended++;
      }
    }

    function connectTo(concurrency: number) {
      const wakefulness = new FakeWakefulness();
      return { wakefulness, ...connect(concurrency, null, wakefulness) };
    }

    const told = (channel: FakeChannel) =>
      channel.received
        .flatMap((message) => split(message, endOfCommand))
        .filter(([op]) => op === command.stayAwake)
        .map(([, turns]) => turns);

    it('tells the other side with the next task, and only what is new', async () => {
      const { wakefulness, link, channel } = connectTo(10);
      const runs = async () => {
        link.run(new FakeAssignment());
        await turn();
        return told(channel);
      };
      expect(await runs()).toEqual([]);
      wakefulness.told = 40;
      expect(await runs()).toEqual([40]);
      expect(await runs()).toEqual([40]);
      wakefulness.told = 0;
      expect(await runs()).toEqual([40, 0]);
    });

    it('tells one that iterates when it is to make more', async () => {
      const { wakefulness, link, channel } = connectTo(1);
      const assignment = new FakeAssignment();
      assignment.iterate = (source?: Parameters<Assignment['iterate']>[0]) => void source?.next();
      link.run(assignment);
      await turn();
      wakefulness.told = 40;
      channel.say((to) => to.iterates(0, 1, 2));
      await turn();
      expect(told(channel)).toEqual([40]);
    });

    it('waits from what it has sent to what comes, or to its end', async () => {
      const { wakefulness, link, channel } = connectTo(10);
      const sends = async () => {
        link.run(new FakeAssignment());
        await turn();
        return wakefulness.waiting;
      };
      expect(await sends()).toBe(1);
      expect(await sends()).toBe(1);
      channel.say((to) => to.progress(0, 'half'));
      expect(wakefulness.waiting).toBe(0);
      channel.say((to) => to.done(0, 5, 1, 2));
      channel.say((to) => to.failed(1, encodeError(new Error('no')), 1, 2));
      expect(wakefulness).toMatchObject({ waiting: 0, ended: 2 });
      expect(await sends()).toBe(1);
      channel.exit();
      expect(wakefulness.waiting).toBe(0);
      expect(await sends()).toBe(0);
    });

    it('waits for nothing when the other side has nothing to do', async () => {
      const { wakefulness, link, channel } = connectTo(1);
      void link.memory();
      await turn();
      expect([channel.received.length, wakefulness.waiting]).toEqual([1, 0]);
      const refused = new FakeAssignment();
      refused.args.push(() => {});
      link.run(refused);
      await turn();
      // What it was told of the function went.
      expect([channel.received.length, wakefulness.waiting]).toEqual([2, 0]);
    });

    it('waits for nothing more of an iteration whose end has come with its last items', async () => {
      const { wakefulness, link, channel } = connectTo(1);
      const assignment = new FakeAssignment();
      let source: Parameters<Assignment['iterate']>[0] | undefined;
      assignment.iterate = (given?: Parameters<Assignment['iterate']>[0]) => {
        source = given;
      };
      link.run(assignment);
      await turn();
      channel.say((to) => to.iterates(0, 1, 2));
      const first = source?.next();
      await turn();
      expect(wakefulness.waiting).toBe(1);
      channel.say((to) => to.items(0, [1]));
      // That it was read is told at the end of the tick.
      source?.take();
      channel.say((to) => to.iterated(0, null));
      await Promise.all([first, turn()]);
      expect(wakefulness.waiting).toBe(0);
    });
  });
});
