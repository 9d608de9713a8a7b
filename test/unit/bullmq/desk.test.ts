import { AsyncWorker, isNiceqError, WorkerLostError } from 'niceq';
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../../src/bullmq/codec.js';
import type { Member } from '../../../src/bullmq/member.js';
import type { JobData } from '../../../src/bullmq/protocol.js';
import { Desk } from '../../../src/bullmq/server/desk.js';
import { Modules } from '../../../src/bullmq/server/modules.js';
import { ServerQueue } from '../../../src/bullmq/server/server-queue.js';
import type { ServerUpdates } from '../../../src/bullmq/server/server-updates.js';
import { decodeError, type ErrorRecord, encodeError } from '../../../src/protocol/error-record.js';
import { Gate } from '../../dist/conformance/gate.js';

const tasks = new URL('../../dist/conformance/tasks.js', import.meta.url);

/** A desk whose callers are a test. */
async function open({ isThere = true, written = async () => {} } = {}) {
  const said: unknown[][] = [];
  const forgotten: string[] = [];
  let unwatched = 0;
  let gone = () => {};
  const member = {
    id: 'server',
    send: (_caller: string, _job: number, message: string) => said.push(decode(message) as unknown[]),
    written,
    forget: async (caller: string) => forgotten.push(caller),
    watch: {
      isThere: async () => isThere,
      watch: (_: string, onGone: () => void) => {
        gone = onGone;
        return () => unwatched++;
      },
    },
  };
  const updates = { has: () => true };
  const queue = new ServerQueue();
  await queue.attachWorker(new AsyncWorker({ concurrency: 4 }));
  const desk = new Desk(
    member as unknown as Member,
    queue,
    new Modules('desk', { tasks }),
    updates as unknown as ServerUpdates,
    undefined,
  );
  const process = (name: string, args: unknown[], { attemptsStarted = 1, job = 1 } = {}) => {
    const payload = encode([args, undefined]);
    const data: JobData = { caller: 'caller', job, module: 'tasks', name, id: 'x', attempt: 1, update: '', payload };
    return desk.process({ data, attemptsStarted } as never);
  };
  return { desk, queue, said, forgotten, process, unwatched: () => unwatched, gone: () => gone() };
}

describe('The desk of a server', () => {
  test('runs a job, and tells its caller the result', async () => {
    const { process, said, unwatched } = await open();
    await process('add', [1, 2]);
    expect(said.at(-1)).toEqual(['done', 1, 3, expect.any(Number), expect.any(Number)]);
    expect(unwatched()).toBe(1);
  });

  test('ends no job before what it has to say of it is on its way', async () => {
    const order: string[] = [];
    const { process, said } = await open({
      written: async () => {
        await new Promise(setImmediate);
        order.push(`written: ${said.at(-1)?.[0]}`);
      },
    });
    await process('add', [1, 2]).then(() => order.push('ended'));
    expect(order).toEqual(['written: done', 'ended']);
  });

  test('takes nothing from a caller that is gone', async () => {
    const { process, said, forgotten } = await open({ isThere: false });
    await process('add', [1, 2]);
    expect([said, forgotten]).toEqual([[], ['caller']]);
  });

  test('loses a job that another server had begun', async () => {
    const { process, said } = await open();
    await process('add', [1, 2], { attemptsStarted: 2 });
    expect(said).toEqual([['lost', 1, expect.anything()]]);
  });

  test('loses what comes when it has given up', async () => {
    const { desk, process, said, queue } = await open();
    desk.loseAll(new WorkerLostError('The server was closed'));
    await queue.shutdown({ mode: 'crash' });
    await process('add', [1, 2]);
    expect(said).toEqual([['lost', 1, expect.anything()]]);
    const error = decodeError(said[0]?.[2] as ErrorRecord);
    expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
    expect((error as Error).message).toBe('The server was closed');
  });

  test('passes over what is said of a job it does not have', async () => {
    const { desk, said } = await open();
    desk.abort('caller', 1, encodeError(new Error('enough')));
    desk.pull('caller', 1);
    desk.close('caller', 1);
    desk.refused('caller', [1], 'full');
    expect(said).toEqual([]);
  });

  test('ends what it runs for a caller that is gone, and tells it so should it come back', async () => {
    const { desk, process, said, gone, unwatched, forgotten } = await open();
    const gate = await Gate.create();
    gate.isOpen = true;
    const running = process('untilAborted', [gate.port, 'held']);
    await gate.arrival('held');
    gone();
    // It watches on, as the caller may come back; a second word of the same is one too many.
    gone();
    desk.loseAll(new WorkerLostError('The server was closed'));
    expect(desk.size).toBe(1);
    await running;
    gate.close();
    expect(forgotten).toEqual(['caller', 'caller']);
    expect(said.map(([operation]) => operation)).toEqual(['started', 'lost']);
    expect([desk.size, unwatched()]).toEqual([0, 1]);
    await desk.finished();
  });
});
