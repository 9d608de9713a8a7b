import fc from 'fast-check';
import { type CallOptions, type IWorker, type QueueEvents, type TaskHandle, type TaskQueue, ThreadQueue } from 'niceq';
import { expect } from 'vitest';

// Anything that can be asked of a queue, as data, so that it can be made at random and be shrunk.

/** What a task does. */
export type Deed = 'return' | 'throw' | 'reject' | 'wait' | 'iterate' | 'iterateLater' | 'nest' | 'die' | 'resign';

export type Step =
  | { readonly do: 'call' | 'submit'; readonly deed: Deed; readonly options: CallOptions; readonly abortable: boolean }
  | { readonly do: 'map'; readonly deed: Deed; readonly length: number; readonly ordered: boolean }
  | { readonly do: 'cancel' | 'renice'; readonly which: number }
  | { readonly do: 'pause' | 'resume' | 'cancelAll' | 'abort' | 'idle' | 'empty' | 'less' | 'stats' }
  | { readonly do: 'limit' | 'limitSeries'; readonly rule: { concurrency: number } | null }
  | { readonly do: 'cancelSeries' | 'qualify'; readonly which: number; readonly series: string | undefined }
  | { readonly do: 'attach'; readonly kind: 0 | 1; readonly series: readonly unknown[] | undefined }
  | { readonly do: 'detach'; readonly which: number; readonly options: { crash: boolean; reassign: boolean } }
  | { readonly do: 'update'; readonly deed: Deed; readonly ephemeral: boolean }
  | { readonly do: 'shutdown'; readonly mode: 'drain' | 'finish' | 'crash' }
  | { readonly do: 'turn' }
  | { readonly do: 'resize'; readonly size: number }
  /** At the next event of this name. */
  | { readonly do: 'listen'; readonly event: keyof QueueEvents; readonly step: Step }
  /** Inside a task. */
  | { readonly do: 'inside'; readonly step: Step };

const deed = fc.constantFrom<Deed>(
  'return',
  'throw',
  'reject',
  'wait',
  'iterate',
  'iterateLater',
  'nest',
  'die',
  'resign',
);
const harmless = fc.constantFrom<Deed>('return', 'throw', 'reject', 'iterate');
const series = fc.constantFrom(undefined, 'a', 'b');
const which = fc.nat(8);
const options = fc.record(
  {
    series,
    niceness: fc.integer({ min: -20, max: 20 }),
    on: fc.constantFrom('async', 'mortal', 'local', 'thread'),
    doNext: fc.boolean(),
    weight: fc.constantFrom(0.001, 1, 1000),
    retry: fc.record({ lost: fc.nat(2), error: fc.nat(2), delay: fc.constantFrom(0, 1, 1_000_000) }),
    timeout: fc.constantFrom(1, 1_000_000),
    transfer: fc.constant([]),
  },
  { requiredKeys: [] },
);
const events = fc.constantFrom<keyof QueueEvents>(
  'queued',
  'started',
  'done',
  'failed',
  'cancelled',
  'retry',
  'idle',
  'empty',
  'stalled',
  'workerAttached',
  'workerLost',
  'workerReplaced',
  'workerDetached',
);
const rule = fc.option(fc.record({ concurrency: fc.integer({ min: 1, max: 3 }) }));
export const simpleStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom('call', 'submit'), deed, options, abortable: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('map'), deed, length: fc.nat(9), ordered: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cancel', 'renice'), which }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('pause', 'resume', 'resume', 'cancelAll', 'abort', 'idle', 'empty', 'less', 'stats'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('limit', 'limitSeries'), rule }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cancelSeries', 'qualify'), which, series }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('attach'),
      kind: fc.constantFrom(0, 1),
      series: fc.constantFrom(undefined, ['a'], [undefined, 'b']),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('detach'),
      which,
      options: fc.record({ crash: fc.boolean(), reassign: fc.boolean(), timeout: fc.constantFrom(0, 1, 1_000_000) }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('update'), deed: harmless, ephemeral: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('shutdown'), mode: fc.constantFrom('drain', 'finish', 'crash') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resize'), size: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 6, arbitrary: fc.constant({ do: 'turn' }) },
) as fc.Arbitrary<Step>;
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: simpleStep },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('listen' as const), event: events, step: simpleStep }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('inside' as const), step: simpleStep }) },
);

export interface TrialSetup {
  readonly queue: TaskQueue;
  readonly tasks: Record<Deed, () => unknown>;
  /** Lets something happen between two steps. */
  readonly pass: () => Promise<void>;
  readonly workers: readonly [WorkerFactory, WorkerFactory];
}

type WorkerFactory = (settings: { series?: readonly unknown[] }) => IWorker;

export const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** A queue in the hands of somebody who does anything, and remembers every promise it got. */
export class Trial {
  readonly queue: TaskQueue;
  readonly #setup: TrialSetup;
  readonly handles: TaskHandle[] = [];
  readonly unsettled = new Map<number, string>();
  #count = 0;
  #controller = new AbortController();

  constructor(setup: TrialSetup) {
    this.queue = setup.queue;
    this.#setup = setup;
  }

  take(step: Step): void | Promise<void> {
    const { queue, handles } = this;
    switch (step.do) {
      case 'call':
      case 'submit': {
        const options = step.abortable ? { ...step.options, signal: this.#controller.signal } : step.options;
        const task = this.#task(step.deed);
        if (step.do === 'call') return this.#expect('call', this.#read(queue.call(task, [step.deed], options)));
        const handle = queue.submit(task, [step.deed], options);
        handles.push(handle);
        return this.#expect('submit', this.#read(handle.promise));
      }
      case 'map': {
        const task = this.#task(step.deed);
        const results = queue.map(Array(step.length).fill(step.deed), task, { ordered: step.ordered });
        return this.#expect('map', this.#readAll(results));
      }
      case 'cancel':
        return void handles[step.which]?.cancel('unwanted');
      case 'renice':
        return void handles[step.which]?.renice(step.which - 4);
      case 'pause':
        return queue.pause();
      case 'resume':
        return queue.resume();
      case 'cancelAll':
        return void queue.cancelAll('unwanted');
      case 'cancelSeries':
        return void queue.cancelSeries(step.series, 'unwanted');
      case 'abort': {
        const controller = this.#controller;
        this.#controller = new AbortController();
        return controller.abort(new Error('aborted'));
      }
      case 'idle':
        return this.#expect('onIdle', queue.onIdle());
      case 'empty':
        return this.#expect('onEmpty', queue.onEmpty());
      case 'less':
        return this.#expect('onSizeLessThan', queue.onSizeLessThan(1));
      case 'stats':
        return void queue.stats();
      case 'limit':
        return queue.limit(step.rule);
      case 'limitSeries':
        return queue.limitSeries('a', step.rule);
      case 'qualify':
        return this.#expect('qualify', queue.qualifyWorker(step.which, step.series));
      case 'attach': {
        const settings = step.series === undefined ? {} : { series: step.series };
        const make = this.#setup.workers[step.kind];
        return this.#expect('attach', queue.attachWorker(make(settings)));
      }
      case 'detach':
        return this.#expect('detach', queue.detachWorker(step.which, step.options));
      case 'update':
        return this.#expect('update', queue.update(this.#task(step.deed), [step.deed], { ephemeral: step.ephemeral }));
      case 'shutdown':
        return this.#expect('shutdown', queue.shutdown({ mode: step.mode }));
      case 'turn':
        return this.#setup.pass();
      case 'resize':
        return queue instanceof ThreadQueue ? queue.resize(step.size) : undefined;
      case 'listen':
        return void queue.once(step.event, () => void this.take(step.step));
      case 'inside':
        return this.#expect(
          'inside',
          queue.call(() => void this.take(step.step)),
        );
    }
  }

  /** Ends the queue and sees that nothing is left. */
  async end(): Promise<void> {
    const { queue, unsettled, handles } = this;
    await queue.shutdown({ mode: 'crash' });
    // A reader of an iteration hears of the end when its thread or process has exited.
    for (let turns = 0; turns < 1000 && unsettled.size > 0; turns++) await this.#setup.pass();
    expect([...unsettled.values()]).toEqual([]);
    expect([queue.size, queue.pending, queue.capacity, queue.workers()]).toEqual([0, 0, 0, []]);
    expect(handles.filter(({ state }) => state === 'queued' || state === 'running')).toEqual([]);
  }

  #task(deed: Deed): (what: Deed) => unknown {
    return this.#setup.tasks[deed];
  }

  async #read(call: Promise<unknown>): Promise<void> {
    const result = await call;
    if (typeof result === 'object' && result !== null) await this.#readAll(result as AsyncIterable<unknown>);
  }

  async #readAll(items: AsyncIterable<unknown>): Promise<void> {
    for await (const _ of items) await turn();
  }

  #expect(what: string, promise: Promise<unknown>): void {
    const number = this.#count++;
    this.unsettled.set(number, what);
    const done = () => void this.unsettled.delete(number);
    promise.then(done, done);
  }
}
