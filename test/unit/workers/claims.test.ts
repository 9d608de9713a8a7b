import { describe, expect, it } from 'vitest';
import { Claims } from '../../../src/protocol/claims.js';
import { Link } from '../../../src/workers/link.js';
import { FakeAssignment, type FakeChannel, fakeChannels } from './fake-channel.js';

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

  it('keep no link from having more tasks than there are slots', () => {
    const { open, channels } = fakeChannels(Claims.create(2));
    const owner = { ready: () => {}, released: () => {}, ended: () => expect.fail('it goes on') };
    const link = new Link(open, owner, { concurrency: 5, graceful: 10, workerId: 1 });
    const assignments = Array.from({ length: 5 }, () => new FakeAssignment());
    for (const assignment of assignments) link.run(assignment);
    for (let slot = 0; slot < 5; slot++) (channels[0] as FakeChannel).say((to) => to.done(slot, slot, 1, 2));
    expect(assignments.map(({ log }) => log.at(-1))).toEqual(['done 0', 'done 1', 'done 2', 'done 3', 'done 4']);
  });
});
