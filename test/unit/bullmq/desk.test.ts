import { type Assignment, AsyncWorker, type IWorker, isNiceqError, WorkerLostError } from 'niceq';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
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

const streams = new URL('../../dist/fixtures/streams.tasks.mjs', import.meta.url);

/** A worker that dies of everything. */
class Dying implements IWorker {
  readonly kind = 'dying';
  readonly series = null;
  readonly concurrency = 1;

  run(assignment: Assignment): void {
    assignment.started();
    assignment.lost(new WorkerLostError('The worker died'));
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  crash(): void {}
}

/** The messages of the errors of job 1 that is lost, and nothing else. */
function lossesIn(said: unknown[][]): string[] {
  return said.map(([operation, job, record]) => {
    const error = decodeError(record as ErrorRecord);
    expect([operation, job, isNiceqError(error, 'ERR_WORKER_LOST')]).toEqual(['lost', 1, true]);
    return (error as Error).message;
  });
}

interface OpenOptions {
  isThere?: boolean | Promise<boolean>;
  /** Default: there are no kept updates to catch up with. */
  catchUp?: () => Promise<boolean>;
  written?: () => Promise<void>;
  /** Those that its worker serves. */
  series?: unknown[];
}

/** A desk whose callers are a test. */
async function open({ isThere = true, catchUp, written = async () => {}, series }: OpenOptions = {}) {
  const said: unknown[][] = [];
  const listeners = new Set<(message: unknown[]) => void>();
  const logged: unknown[][] = [];
  const forgotten: string[] = [];
  let watched = 0;
  let unwatched = 0;
  let gone = () => {};
  const member = {
    id: 'server',
    send: (_caller: string, _job: number, text: string) => {
      const message = decode(text) as unknown[];
      said.push(message);
      for (const listener of listeners) listener(message);
    },
    written,
    forget: async (caller: string) => forgotten.push(caller),
    watch: {
      wasSeen: () => isThere === true,
      isThere: async () => isThere,
      watch: (_: string, onGone: () => void) => {
        watched++;
        gone = onGone;
        return () => unwatched++;
      },
    },
  };
  const updates = { has: () => catchUp === undefined, catchUp, outcome: () => undefined };
  const queue = new ServerQueue();
  await queue.attachWorker(new AsyncWorker({ concurrency: 4, ...(series && { series }) }));
  const desk = new Desk(
    member as unknown as Member,
    queue,
    new Modules('desk', { tasks, streams }),
    updates as unknown as ServerUpdates,
    { debug() {}, info() {}, warn: (...line) => void logged.push(line), error() {} },
  );
  const process = (
    name: string,
    args: unknown[],
    { attemptsStarted = 1, job = 1, series = undefined as unknown } = {},
  ) => {
    const payload = encode([args, series]);
    const module = name in { count: 1, slowly: 1, tally: 1 } ? 'streams' : 'tasks';
    const data: JobData = { caller: 'caller', job, module, name, id: 'x', attempt: 1, update: '', payload };
    return desk.process({ data, attemptsStarted } as never);
  };
  const watches = () => [watched, unwatched];
  return { desk, queue, said, listeners, logged, forgotten, process, watches, gone: () => gone() };
}

describe('The desk of a server', () => {
  test('runs a job, and tells its caller the result', async () => {
    const { process, said, watches } = await open();
    await process('add', [1, 2]);
    expect(said.at(-1)).toEqual(['done', 1, 3, expect.any(Number), expect.any(Number)]);
    expect(watches()).toEqual([1, 1]);
  });

  test('listens to a task until it is over, its iteration too, and no longer', async () => {
    const { desk, process, queue } = await open();
    const leave = vi.spyOn(queue, 'leave');
    await process('add', [1, 2]);
    await process('throwValue', [1], { job: 2 });
    expect(leave).toHaveBeenCalledTimes(2);
    await process('count', [1], { job: 3 });
    expect(leave).toHaveBeenCalledTimes(2);
    desk.close('caller', 3);
    await desk.finished(1000);
    expect(leave).toHaveBeenCalledTimes(3);
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

  test('takes many jobs at a time without a warning', async () => {
    const { process: begin, said } = await open();
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    await Promise.all(Array.from({ length: 20 }, (_, job) => begin('add', [1, 2], { job })));
    await new Promise(setImmediate);
    expect([said.filter(([what]) => what === 'done').length, warnings]).toEqual([20, []]);
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
    expect(lossesIn(said)).toEqual(['The server was closed']);
  });

  test('loses a job of whose caller Redis tells nothing when it gives up', async () => {
    const { desk, process, said } = await open({ isThere: new Promise(() => {}) });
    const processing = process('add', [1, 2]);
    desk.loseAll(new WorkerLostError('The server was closed'));
    await processing;
    expect(lossesIn(said)).toEqual(['The server was closed']);
  });

  test('loses a job that needs updates which Redis does not tell when it gives up', async () => {
    let asked = () => {};
    const asking = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { desk, process, said } = await open({
      catchUp: () => {
        asked();
        return new Promise(() => {});
      },
    });
    const processing = process('add', [1, 2]);
    await asking;
    desk.loseAll(new WorkerLostError('The server was closed'));
    await processing;
    expect(lossesIn(said)).toEqual(['The server was closed']);
  });

  test('loses a job that needs updates which it leaves without', async () => {
    const { process, said } = await open({ catchUp: async () => false });
    await process('add', [1, 2]);
    expect(lossesIn(said)).toEqual(['The server has left']);
  });

  test.each([true, false])('says what a kept update has come to only if it was run: %s', async (isDone) => {
    const { desk, said } = await open({ catchUp: async () => isDone });
    desk.keep('caller', 1, '1-0');
    await new Promise(setImmediate);
    expect(said).toEqual(isDone ? [['updated', 1, 'server', undefined, null]] : []);
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
    const { desk, process, said, gone, watches, forgotten } = await open();
    const gate = await Gate.create();
    gate.isOpen = true;
    const running = process('untilAborted', [gate.port, 'held']);
    await gate.arrival('held');
    gone();
    desk.loseAll(new WorkerLostError('The server was closed'));
    expect(desk.size).toBe(1);
    await running;
    gate.close();
    expect(forgotten).toEqual(['caller']);
    expect(said.map(([operation]) => operation)).toEqual(['started', 'lost']);
    expect([desk.size, ...watches()]).toEqual([0, 1, 0]);
    await desk.finished(1);
  });

  test('watches a caller that was gone again when it comes back, and no sooner', async () => {
    const { process, gone, watches } = await open();
    const gate = await Gate.create();
    const running = process('pass', [gate.port, 'held']);
    await gate.arrival('held');
    gone();
    expect(watches()).toEqual([1, 0]);
    await process('add', [1, 2], { job: 2 });
    expect(watches()).toEqual([2, 0]);
    gate.open('held');
    await running;
    expect(watches()).toEqual([2, 1]);
    gate.close();
  });

  test('waits for no iteration that nobody reads when it is to finish, and tells its caller that it is not the end', async () => {
    const { desk, process, said } = await open();
    await process('count', [1_000_000]);
    await process('count', [1_000_000], { job: 2 });
    desk.pull('caller', 1);
    await desk.finished(10);
    for (const job of [1, 2]) {
      const [operation, , record] = said.findLast(([, about]) => about === job) ?? [];
      const error = decodeError(record as ErrorRecord);
      expect([operation, isNiceqError(error, 'ERR_WORKER_LOST')]).toEqual(['iterated', true]);
    }
    await process('tally', [], { job: 3 });
    expect(said.at(-1)?.[2]).toMatchObject({ closed: 1 });
  });

  test('waits for an iteration whose reader has read all there is, however long that takes', async () => {
    const { desk, process, said, listeners } = await open();
    listeners.add(([operation]) => {
      if (operation === 'items') desk.pull('caller', 1);
    });
    await process('slowly', [300]);
    desk.pull('caller', 1);
    await desk.finished(1);
    expect(said.at(-1)).toEqual(['iterated', 1, null]);
    expect(said.flatMap(([operation, , , items]) => (operation === 'items' ? (items as unknown[]) : []))).toHaveLength(
      300,
    );
  });

  test('fails a task that throws the loss of another one, and loses one whose worker died', async () => {
    const { process, said, queue } = await open();
    await process('throwValue', [new WorkerLostError('of another one')]);
    expect(said.at(-1)?.[0]).toBe('failed');
    for (const worker of queue.workers()) await queue.detachWorker(worker);
    await queue.attachWorker(new Dying());
    await process('add', [1, 2], { job: 2 });
    expect(said.at(-1)?.[0]).toBe('lost');
  });

  test('refuses a task of a series that no worker serves, and runs the others', async () => {
    const { process, said, logged } = await open({ series: ['a'] });
    await process('add', [1, 2], { series: 'b' });
    const error = decodeError(said.at(-1)?.[2] as ErrorRecord) as Error;
    expect([said.at(-1)?.[0], error.message]).toEqual([
      'failed',
      expect.stringContaining("The server server of `desk` has no worker for the series `'b'`"),
    ]);
    expect(logged).toEqual([['A task was refused: `add` of `tasks`', error]]);
    await process('add', [1, 2], { job: 2, series: 'a' });
    expect(said.at(-1)?.slice(0, 3)).toEqual(['done', 2, 3]);
  });

  test('loses what waits for a series whose last worker is gone', async () => {
    const { process, said, queue } = await open({ series: ['a'] });
    const gate = await Gate.create();
    const worker = new AsyncWorker({ series: ['b'] });
    await queue.attachWorker(worker);
    const running = process('pass', [gate.port, 'held'], { series: 'b' });
    await gate.arrival('held');
    const waiting = process('add', [1, 2], { job: 2, series: 'b' });
    await new Promise(setImmediate);
    void queue.detachWorker(worker, { crash: true });
    queue.loseUnserved(new WorkerLostError('none left'));
    await Promise.all([running, waiting]);
    expect(said.filter(([operation]) => operation === 'lost')).toHaveLength(2);
    gate.close();
  });

  test('runs an update once, though the order for it came twice, and answers each', async () => {
    const { desk, said, listeners } = await open();
    const answers = new Promise<void>((resolve) => {
      listeners.add(([operation, job]) => {
        if (operation === 'updated' && job === 2) resolve();
      });
    });
    for (const job of [1, 1, 2]) desk.update('caller', job, 'tasks', 'record', ['once']);
    await answers;
    expect(said.map(([operation, job]) => [operation, job])).toEqual([
      ['updated', 1],
      ['updated', 1],
      ['updated', 2],
    ]);
  });

  test('says nothing of an update that it can not run any more', async () => {
    const { desk, said, queue } = await open();
    await queue.shutdown({ mode: 'crash' });
    desk.update('caller', 1, 'tasks', 'add', [1, 2]);
    await new Promise(setImmediate);
    expect(said).toEqual([]);
  });

  test('says where in the result of an update it is that can not be sent', async () => {
    const { desk, said, listeners } = await open();
    const answer = new Promise((resolve) => {
      listeners.add(resolve);
    });
    desk.update('caller', 1, 'tasks', 'uncloneable', []);
    await answer;
    const error = decodeError(said[0]?.[4] as ErrorRecord);
    expect(isNiceqError(error, 'ERR_NOT_PORTABLE')).toBe(true);
    expect((error as Error).message).toMatch(/^The result at `\.rows\[1\]\.render`/);
  });
});
