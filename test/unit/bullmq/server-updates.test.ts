import { AsyncWorker, isNiceqError, type Logger } from 'niceq';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encode } from '../../../src/bullmq/codec.js';
import { Keys } from '../../../src/bullmq/keys.js';
import type { Member } from '../../../src/bullmq/member.js';
import { Modules } from '../../../src/bullmq/server/modules.js';
import { ServerQueue } from '../../../src/bullmq/server/server-queue.js';
import { ServerUpdates } from '../../../src/bullmq/server/server-updates.js';
import { Gate } from '../../dist/conformance/gate.js';

const tasks = new URL('../../dist/conformance/tasks.js', import.meta.url);

/** A kept update as Redis has it. */
const call = (name: string, ...args: unknown[]) =>
  Object.entries({ key: 'string k', module: 'tasks', name, payload: encode(args) }).flat();

const adding = call('add', 1, 2);
const failing = call('throwBuiltIn', 'RangeError', 'bad');
const failure = 'The kept update `throwBuiltIn` of module `tasks` (key `string k`) failed: bad';

/** The updates of a server, as far as they are kept in `entries`. */
async function open(entries: Map<string, string[]>) {
  const logged: unknown[][] = [];
  const looks: string[] = [];
  /** How often Redis is to refuse it. */
  const refusals = { xrange: 0, xdel: 0 };
  const refuse = (command: 'xrange' | 'xdel') => {
    if (refusals[command]-- > 0) throw new Error('BUSY');
  };
  const client = {
    xrange: async (_: string, from: string) => {
      looks.push(from);
      refuse('xrange');
      const there = [...entries];
      return from === '-' || from.startsWith('(') ? there : there.filter(([id]) => id === from);
    },
    xdel: async (_: string, entry: string) => {
      refuse('xdel');
      entries.delete(entry);
    },
  };
  const state = { isLeaving: false };
  /** As a member does, without its pauses. */
  const insist = async <T>(ask: () => Promise<T>): Promise<T | null> => {
    while (!state.isLeaving) {
      const answer = await ask().then(
        (value) => ({ value }),
        () => null,
      );
      if (answer !== null) return answer.value;
    }
    return null;
  };
  const queue = new ServerQueue();
  await queue.attachWorker(new AsyncWorker());
  const log = (...line: unknown[]) => void logged.push(line);
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const member = { client, keys: new Keys('p', 'n'), insist } as unknown as Member;
  const updates = new ServerUpdates(member, queue, new Modules('n', { tasks }), logger);
  return { updates, queue, logged, looks, refusals, state };
}

/** Those of a server that has started without any. `entries`: what is kept from now on. */
async function started() {
  const entries = new Map<string, string[]>();
  const opened = await open(entries);
  await opened.updates.start(1);
  return { ...opened, entries };
}

describe('Kept updates that Redis refuses to tell', () => {
  test('are waited for by a server that has started', async () => {
    const { updates, refusals, entries } = await started();
    entries.set('1-0', adding);
    refusals.xrange = 2;
    expect(await updates.catchUp('1-0')).toBe(true);
    expect(updates.outcome('1-0')).toBe(3);
  });

  test('are not taken for run by a server that leaves before', async () => {
    const { updates, state } = await started();
    state.isLeaving = true;
    expect([await updates.catchUp('1-0'), updates.has('1-0')]).toEqual([false, false]);
  });

  test('keep one from starting', async () => {
    const { updates, refusals } = await open(new Map([['1-0', adding]]));
    refusals.xrange = 1;
    await expect(updates.start(1)).rejects.toThrow('BUSY');
  });
});

describe('A kept update', () => {
  test.each(['that runs when its server ends', 'that comes when its server has ended'])(
    '%s stays for others',
    async (which) => {
      const { updates, queue, logged, entries } = await started();
      const gate = await Gate.create();
      onTestFinished(() => gate.close());
      entries.set('1-0', call('pass', gate.port, 'held'));
      const end = () => queue.shutdown({ mode: 'crash' });
      if (which.startsWith('that comes')) await end();
      const catchingUp = updates.catchUp('1-0');
      if (which.startsWith('that runs')) await gate.arrival('held').then(end);
      expect([await catchingUp, updates.has('1-0'), entries.size, logged]).toEqual([false, false, 1, []]);
    },
  );
});

describe('A kept update that fails', () => {
  test('on a server that has started is dropped there and told of, as its caller may have died', async () => {
    const { updates, logged, entries } = await started();
    entries.set('1-0', failing);
    await updates.catchUp('1-0');
    expect([...entries]).toEqual([]);
    expect(logged).toEqual([[`${failure}; it is kept no longer`, new RangeError('bad')]]);
    expect(() => updates.outcome('1-0')).toThrow(RangeError);
  });

  test('is dropped although Redis refuses that at first', async () => {
    const { updates, refusals, entries } = await started();
    entries.set('1-0', failing);
    refusals.xdel = 2;
    await updates.catchUp('1-0');
    while (entries.size > 0) await new Promise(setImmediate);
  });

  test('on one that starts keeps it from starting, and stays', async () => {
    const entries = new Map([['1-0', failing]]);
    const { updates } = await open(entries);
    const error = await updates.start(1).catch((reason: unknown) => reason);
    expect(isNiceqError(error, 'ERR_WORKER_START')).toBe(true);
    expect(error).toMatchObject({ message: `${failure}; \`obliterate\` removes it`, cause: new RangeError('bad') });
    expect([...entries.keys()]).toEqual(['1-0']);
  });

  test('on one that starts does no harm if it is about to be dropped', async () => {
    const entries = new Map([['1-0', failing]]);
    const { updates, looks } = await open(entries);
    const starting = updates.start(100_000);
    while (!looks.includes('1-0')) await new Promise(setImmediate);
    entries.clear();
    await starting;
    expect(updates.has('1-0')).toBe(true);
  });
});
