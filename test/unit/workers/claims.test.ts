import { describe, expect, it, vi } from 'vitest';
import { Claims, ticketAfter } from '../../../src/protocol/claims.js';
import { command, endOfCommand, split } from '../../../src/protocol/messages.js';
import { Link } from '../../../src/workers/link.js';
import { Wakefulness } from '../../../src/workers/wakefulness.js';
import { FakeAssignment, type FakeChannel, fakeChannels } from './fake-channel.js';

/** Every link begins as if it had run for days. */
vi.mock(import('../../../src/protocol/claims.js'), async (original) => {
  const actual = await original();
  return { ...actual, ticketAfter: (ticket) => actual.ticketAfter(ticket === 0 ? 2 ** 31 - 3 : ticket) };
});

describe('claims', () => {
  it('give a task to the thread or back to the parent, never to both', () => {
    const claims = Claims.create(2);
    claims.offer(1, 7);
    expect([claims.take(1, 7), claims.revoke(1, 7), claims.isTaken(1, 7)]).toEqual([true, false, true]);
    claims.offer(1, 8);
    expect([claims.revoke(1, 8), claims.take(1, 8), claims.isTaken(1, 8)]).toEqual([true, false, false]);
    expect(claims.take(1, 7)).toBe(false);
  });

  it('leave a task beyond their slots to the thread', () => {
    const claims = Claims.create(2);
    claims.offer(2, 9);
    expect([claims.take(2, 9), claims.revoke(2, 9), claims.isTaken(2, 9)]).toEqual([true, false, true]);
  });

  it('can be made and taken back with every ticket there is', async () => {
    const { open, channels } = fakeChannels(Claims.create(9));
    const owner = { ready: () => {}, released: () => {}, ended: () => expect.fail('it goes on') };
    const link = new Link(open, owner, { concurrency: 1, graceful: 10, workerId: 1, wakefulness: new Wakefulness() });
    const assignments = Array.from({ length: 6 }, () => new FakeAssignment());
    for (const assignment of assignments) link.run(assignment);
    expect(assignments.map((assignment) => link.recall(assignment))).toEqual([false, true, true, true, true, true]);
    await Promise.resolve();
    const runs = (channels[0] as FakeChannel).received.flatMap((message) => split(message, endOfCommand));
    const tickets = runs.filter(([op]) => op === command.run).map((run) => run[2]);
    expect(tickets).toEqual([2 ** 31 - 2, 2 ** 31 - 1, 1, 2, 3, 4]);
    const claims = Claims.create(1);
    for (let ticket = ticketAfter(0), n = 0; n < 6; n++, ticket = ticketAfter(ticket)) {
      claims.offer(0, ticket);
      expect([claims.take(0, ticket), claims.isTaken(0, ticket)], `${ticket}`).toEqual([true, true]);
    }
  });

  it('keep no link from having more tasks than there are slots', () => {
    const { open, channels } = fakeChannels(Claims.create(2));
    const owner = { ready: () => {}, released: () => {}, ended: () => expect.fail('it goes on') };
    const link = new Link(open, owner, { concurrency: 5, graceful: 10, workerId: 1, wakefulness: new Wakefulness() });
    const assignments = Array.from({ length: 5 }, () => new FakeAssignment());
    for (const assignment of assignments) link.run(assignment);
    for (let slot = 0; slot < 5; slot++) (channels[0] as FakeChannel).say((to) => to.done(slot, slot, 1, 2));
    expect(assignments.map(({ log }) => log.at(-1))).toEqual(['done 0', 'done 1', 'done 2', 'done 3', 'done 4']);
  });
});
