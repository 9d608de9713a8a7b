import { describe, expect, test } from 'vitest';
import { UpdateDesk } from '../../../src/bullmq/caller/update-desk.js';
import { probe } from '../../../src/bullmq/codec.js';
import { Keys } from '../../../src/bullmq/keys.js';
import type { Member } from '../../../src/bullmq/member.js';
import { encodeError } from '../../../src/protocol/error-record.js';
import { FakeAssignment } from '../workers/fake-channel.js';

const ref = { url: 'file:///a.tasks.js', name: 'record' };

/** The updates of a caller whose servers are a test. */
function open(present: () => Promise<string[]>) {
  const asked: string[] = [];
  /** What the watch calls when a server is gone. */
  const watched = new Map<string, () => void>();
  const watch = (server: string, gone: () => void) => {
    watched.set(server, gone);
    return () => watched.delete(server);
  };
  /** What Redis says at first when a kept update is to be dropped. */
  const refusals: Error[] = [];
  let dropped = () => {};
  const dropping = new Promise<void>((resolve) => {
    dropped = resolve;
  });
  const assignment = new FakeAssignment(1, true);
  const { log } = assignment;
  const xdel = async () => {
    const refusal = refusals.shift();
    if (refusal !== undefined) throw refusal;
    await new Promise(setImmediate);
    log.push('dropped');
    dropped();
  };
  const member = {
    id: 'caller',
    keys: new Keys('p', 'n'),
    client: { eval: async () => '1-0', xdel },
    present,
    send: (server: string) => void asked.push(server),
    watch: { watch },
    /** As a member does, with shorter pauses. */
    insist: async (ask: () => Promise<unknown>): Promise<unknown> => {
      await new Promise(setImmediate);
      return ask().catch(() => member.insist(ask));
    },
  };
  const desk = new UpdateDesk(member as unknown as Member);
  const run = () => desk.run(assignment, ref, 1);
  const runKept = () => desk.run(Object.assign(assignment, { keepAs: 'string k' }), ref, 1);
  return { desk, asked, log, run, runKept, refusals, dropping, watched };
}

describe('An update', () => {
  test('is asked for again of a server that comes back before it has answered, as its inbox may have been lost', async () => {
    const { desk, asked, log, run, watched } = open(async () => ['one', 'two']);
    await run();
    desk.arrived('one');
    desk.arrived('three');
    expect(asked).toEqual(['one', 'two', 'one']);
    desk.updated(1, 'two', 'second', null);
    desk.arrived('two');
    expect(asked).toHaveLength(3);
    desk.updated(1, 'one', 'first', null);
    desk.updated(1, 'one', 'again', null);
    expect([log, watched.size]).toEqual([['started', 'done second'], 0]);
  });

  test('is not over when a server has answered that came before it was known which are there', async () => {
    let tell = (_: string[]) => {};
    const { desk, asked, log, run, watched } = open(() => new Promise((resolve) => (tell = resolve)));
    const running = run();
    desk.arrived('one');
    desk.updated(1, 'one', 'first', null);
    tell(['two']);
    await running;
    expect([asked, log]).toEqual([['one', 'two'], ['started']]);
    desk.updated(1, 'two', 'second', null);
    expect([log, watched.size]).toEqual([['started', 'done first'], 0]);
  });

  test('is over when all have answered before it was known that there are no others', async () => {
    let tell = (_: string[]) => {};
    const { desk, log, run } = open(() => new Promise((resolve) => (tell = resolve)));
    const running = run();
    desk.arrived('one');
    desk.updated(1, 'one', 'first', null);
    tell([]);
    await running;
    expect(log).toEqual(['started', 'done first']);
  });

  test('fails when Redis has refused its order, although the server it was for is gone meanwhile', async () => {
    let there = ['one'];
    const { desk, log, run, watched } = open(async () => there);
    await run();
    there = [];
    watched.get('one')?.();
    desk.fail(1, new Error('OOM'));
    await new Promise(setImmediate);
    expect([log, watched.size]).toEqual([['started', 'failed: OOM'], 0]);
  });

  test('is asked for of a server that came before it was known that the only one is gone', async () => {
    let there = ['one'];
    const { desk, asked, log, run, watched } = open(async () => there);
    await run();
    desk.arrived('two');
    there = ['two'];
    watched.get('one')?.();
    await new Promise(setImmediate);
    expect(asked).toEqual(['one', 'two']);
    desk.updated(1, 'two', 'second', null);
    expect([log, watched.size]).toEqual([['started', 'done second'], 0]);
  });

  test('that has failed is kept no longer when its caller hears of it', async () => {
    const { desk, log, runKept, dropping } = open(async () => ['one']);
    await runKept();
    desk.updated(1, 'one', undefined, encodeError(new Error('bad'), probe));
    await dropping;
    await new Promise(setImmediate);
    expect(log).toEqual(['started', 'dropped', 'failed: bad']);
  });

  test('that has failed does not wait for a Redis that refuses to drop it, which does so later', async () => {
    const { desk, log, runKept, refusals, dropping } = open(async () => ['one']);
    await runKept();
    refusals.push(new Error('BUSY'), new Error('BUSY'));
    desk.updated(1, 'one', undefined, encodeError(new Error('bad'), probe));
    await dropping;
    await new Promise(setImmediate);
    expect(log).toEqual(['started', 'failed: bad', 'dropped']);
  });
});
