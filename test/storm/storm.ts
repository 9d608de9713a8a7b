import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import {
  AsyncWorker,
  type ItemConsumer,
  type IWorker,
  ProcessWorker,
  type ShutdownMode,
  type TaskHandle,
  TaskQueue,
  ThreadWorker,
} from 'niceq';
import { type Outcome, Plan } from './plan.js';
import { Random } from './random.js';

export interface StormOptions {
  readonly seed: number;
  /** Goes on until so many tasks have been submitted... */
  readonly tasks: number;
  /** ...and so many milliseconds have passed. */
  readonly time?: number;
}

export interface StormReport {
  readonly seed: number;
  readonly tasks: number;
  /** How many bodies have begun. */
  readonly starts: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** How often each thing was done to the queue. */
  readonly chaos: Readonly<Record<string, number>>;
  readonly threads: number;
  readonly processes: number;
}

/** How many tasks are out at a time, and after how many something is done to the queue. */
const OUT = 400;
const CALM = 60;

/** How long nothing at all may settle before the storm counts as stuck, in milliseconds. */
const STUCK = 10_000;

/** What is done, and how often. */
const CHAOS_WEIGHTS = {
  terminateThread: 8,
  killProcess: 2,
  attach: 4,
  detach: 4,
  cancelSome: 8,
  cancelSeries: 2,
  reniceSome: 10,
  pause: 6,
  limit: 6,
  limitSeries: 6,
  update: 3,
} as const;

/** A task that is out. */
interface Flight {
  readonly plan: Plan;
  readonly handle: TaskHandle;
  readonly controller: AbortController | null;
  /** Reasons for which it may have been ended before its time. */
  readonly endings: Set<unknown>;
  /** How often it ended, by the events of the queue. */
  ends: number;
}

/**
 * Submits tasks of every sort while everything that can happen to a queue and its workers does, and throws if any
 * promise, attempt, worker, thread, process, listener or handle is not what it has to be afterwards.
 */
export async function storm(options: StormOptions): Promise<StormReport> {
  const run = new Storm(options);
  try {
    return await run.run();
  } catch (error) {
    throw new Error(`storm with seed ${options.seed}: ${(error as Error).message}`);
  } finally {
    run.cleanUp();
  }
}

class Storm {
  readonly #options: StormOptions;
  readonly #random: Random;
  readonly #folder = mkdtempSync(join(tmpdir(), 'niceq-storm-'));
  readonly #log = join(this.#folder, 'starts');
  readonly #queue = new TaskQueue({ retry: { lost: 1 } });
  /** Every thread and process started since the storm began. */
  readonly #threads = new Set<Worker>();
  readonly #children = new Set<ChildProcess>();
  #threadCount = 0;
  #childCount = 0;
  /** Those that are always there, and those that come and go. */
  readonly #crew = new Set<IWorker>();
  readonly #guests = new Set<IWorker>();
  readonly #flights = new Map<TaskHandle, Flight>();
  /** How many attempts each task may have had. */
  /** How many attempts each task may have had. */
  readonly #attempts: number[] = [];
  readonly #outcomes: Record<string, number> = {};
  readonly #chaos: Record<string, number> = {};
  readonly #faults: string[] = [];
  /** What the storm has begun besides tasks and must end sooner or later, by what it is. */
  readonly #work = new Map<Promise<unknown>, string>();
  /** Workers that were detached at once, or had little time to end. */
  readonly #crashed = new Set<number | undefined>();
  /** Workers that were detached with what they had. */
  readonly #abandoned = new Set<number | undefined>();
  /** Detachments that take running tasks from a worker, which costs them no retry. */
  #crashes = 0;
  #settled = 0;
  #wake = () => {};

  constructor(options: StormOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    writeFileSync(this.#log, '');
    subscribe('worker_threads', this.#onThread);
    subscribe('child_process', this.#onChild);
  }

  cleanUp(): void {
    unsubscribe('worker_threads', this.#onThread);
    unsubscribe('child_process', this.#onChild);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  readonly #onThread = (message: unknown) => {
    const { worker } = message as { worker: Worker };
    this.#threadCount++;
    this.#threads.add(worker);
    worker.once('exit', () => this.#threads.delete(worker));
  };

  readonly #onChild = (message: unknown) => {
    const child = (message as { process: ChildProcess }).process;
    this.#childCount++;
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
  };

  async run(): Promise<StormReport> {
    const before = inventory();
    const listenersBefore = processListeners();
    this.#listen();
    try {
      for (const phase of [this.#hireCrew, this.#submitAll, this.#calmDown, this.#checkWorkers, this.#end]) {
        await this.#withinReason(phase.call(this));
        this.#throwFaults();
      }
    } catch (error) {
      await this.#queue.shutdown({ mode: 'crash' });
      throw error;
    }
    this.#checkStarts();
    this.#throwFaults();
    await this.#withinReason(this.#allHaveExited());
    await this.#checkLeftovers(before, listenersBefore);
    return {
      seed: this.#options.seed,
      tasks: this.#attempts.length,
      starts: this.#starts().length,
      outcomes: this.#outcomes,
      chaos: this.#chaos,
      threads: this.#threadCount,
      processes: this.#childCount,
    };
  }

  #throwFaults(): void {
    const count = this.#faults.length;
    if (count === 0) return;
    throw new Error(`${this.#faults.slice(0, 10).join('\n')}${count > 10 ? `\n...and ${count - 10} more` : ''}`);
  }

  // --- workers ------------------------------------------------------------------------------------------------------

  #hire(make: () => IWorker, among: Set<IWorker>): Promise<number> {
    const worker = make();
    among.add(worker);
    return this.#queue.attachWorker(worker);
  }

  async #hireCrew(): Promise<void> {
    await Promise.all(CREW.map((make) => this.#hire(make, this.#crew)));
  }

  #listen(): void {
    const queue = this.#queue;
    const ended = (handle: TaskHandle) => {
      const flight = this.#flights.get(handle);
      if (flight !== undefined) flight.ends++;
    };
    queue.on('done', ended);
    queue.on('failed', ended);
    queue.on('cancelled', ended);
    // One that could not be started three times in a row, as its threads were terminated: another takes its place.
    queue.on('workerLost', (worker) => {
      if (this.#crew.delete(worker)) {
        const make = CREW.find((make) => make().kind === worker.kind) as () => IWorker;
        this.#follow('hiring', this.#hire(make, this.#crew));
      }
      this.#guests.delete(worker);
    });
  }

  #follow(what: string, work: Promise<unknown>): void {
    const settled = work
      .catch((error) => this.#count(this.#chaos, `${what} rejected with ${nameOf(error)}`))
      .finally(() => this.#work.delete(settled));
    this.#work.set(settled, what);
  }

  // --- tasks --------------------------------------------------------------------------------------------------------

  async #submitAll(): Promise<void> {
    const { seed, tasks, time = 0 } = this.#options;
    const end = performance.now() + time;
    for (let id = 0; id < tasks || performance.now() < end; ) {
      for (let burst = 1 + this.#random.below(CALM); burst > 0; burst--) this.#submit(new Plan(seed, id++));
      this.#disturb();
      if (this.#random.chance(0.3)) await turn();
      while (this.#flights.size >= OUT) await this.#change();
      if (this.#faults.length > 0) return;
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #submit(plan: Plan): void {
    const { fn, args } = plan.call(this.#log);
    const controller = plan.ending === 'signal' ? new AbortController() : null;
    const consumer: ItemConsumer | null = plan.sort === 'feed' ? { write: () => turn() } : null;
    const handle = this.#queue.submit(fn, args, {
      ...plan.options,
      ...(controller !== null && { signal: controller.signal }),
      ...(consumer !== null && { consumer }),
    }) as TaskHandle;
    const flight: Flight = { plan, handle, controller, endings: new Set(), ends: 0 };
    this.#flights.set(handle, flight);
    handle.promise.then(
      (value) => this.#landed(flight, { isError: false, value }),
      (error) => this.#landed(flight, { isError: true, error }),
    );
  }

  #landed(flight: Flight, outcome: Outcome): void {
    const { plan, handle, controller, endings } = flight;
    const { sort } = plan;
    if (this.#abandoned.has(handle.workerId)) endings.add(undefined);
    if (this.#crashed.has(handle.workerId)) endings.add('crash');
    const fault = plan.fault(outcome, handle, endings);
    if (fault !== null) this.#fault(flight, fault);
    if (handle.attempts > plan.maxAttempts(this.#crashes)) this.#fault(flight, `took ${handle.attempts} attempts`);
    if (flight.ends !== 1) this.#fault(flight, `was told of ${flight.ends} times`);
    // Of a task cancelled just as it began nobody had heard yet that it had.
    this.#attempts[plan.id] = handle.attempts + (handle.state === 'cancelled' ? 1 : 0);
    this.#count(this.#outcomes, outcome.isError ? nameOf(outcome.error) : 'a value');
    if (!outcome.isError && sort === 'items') {
      this.#follow(`reading ${plan.id}`, this.#read(flight, outcome.value as AsyncIterableIterator<number>));
    } else if (controller !== null && getEventListeners(controller.signal, 'abort').length > 0) {
      this.#fault(flight, 'left a listener on its signal');
    }
    this.#flights.delete(handle);
    this.#settled++;
    this.#wake();
  }

  /** Reads what the task iterates over, or some of it. */
  async #read(flight: Flight, items: AsyncIterableIterator<number>): Promise<void> {
    const { plan, controller } = flight;
    let next = plan.id;
    try {
      if (plan.reads > 0) {
        for await (const item of items) {
          if (item !== next++) this.#fault(flight, `got item ${item} in place of ${next - 1}`);
          if (next === plan.id + plan.reads) break;
        }
      }
      await items.return?.();
      if (next !== plan.id + Math.min(plan.reads, plan.amount * 10)) this.#fault(flight, `ended after ${next} items`);
    } catch (error) {
      const isRight = nameOf(error) === 'WorkerLostError' || error === `signal ${plan.id}`;
      if (!isRight) this.#fault(flight, `iterated until ${error}`);
    }
    this.#count(this.#outcomes, 'an iteration');
    if (controller !== null && getEventListeners(controller.signal, 'abort').length > 0) {
      this.#fault(flight, 'left a listener on its signal after its iteration');
    }
  }

  #fault({ plan, handle }: Flight, what: string): void {
    const { id, sort, kind = 'any' } = plan;
    this.#faults.push(`task ${id} (${sort}, ${kind}, worker ${handle.workerId}, ${handle.state}) ${what}`);
    this.#wake();
  }

  // --- chaos --------------------------------------------------------------------------------------------------------

  #disturb(): void {
    const random = this.#random;
    for (const flight of this.#flights.values()) {
      const { plan, handle, controller } = flight;
      if (plan.id + plan.endsAfter > this.#settled) continue;
      if (plan.ending === 'signal') {
        flight.endings.add(`signal ${plan.id}`);
        controller?.abort(`signal ${plan.id}`);
      } else if (plan.ending === 'handle') {
        flight.endings.add(`handle ${plan.id}`);
        handle.cancel(`handle ${plan.id}`);
      }
      if (plan.renicesTo !== null && random.chance(0.2)) handle.renice(plan.renicesTo);
    }
    if (!random.chance(0.15)) return;
    const what = random.weighted(CHAOS_WEIGHTS);
    this.#count(this.#chaos, what);
    this[what]();
  }

  protected terminateThread(): void {
    void this.#random.pick([...this.#threads])?.terminate();
  }

  protected killProcess(): void {
    this.#random.pick([...this.#children])?.kill('SIGKILL');
  }

  protected attach(): void {
    if (this.#guests.size >= 3) return;
    const make = this.#random.pick(GUESTS) as () => IWorker;
    this.#follow('hiring', this.#hire(make, this.#guests));
  }

  protected detach(): void {
    const random = this.#random;
    const worker = random.pick([...this.#guests]);
    if (worker === undefined) return;
    this.#guests.delete(worker);
    const crash = random.chance(0.3);
    const isLimited = random.chance(0.5);
    const reassign = random.chance(0.7);
    if (crash || isLimited) {
      this.#crashes++;
      this.#crashed.add(worker.id);
    }
    if (!reassign) this.#abandoned.add(worker.id);
    const detached = this.#queue.detachWorker(worker, { crash, reassign, ...(isLimited && { timeout: 5 }) });
    this.#follow(
      `detaching ${worker.id}`,
      detached.then((left) => this.#leftBy(left, reassign)),
    );
  }

  /** Tasks that a detached worker has left have been cancelled. */
  #leftBy(left: readonly TaskHandle[], reassign: boolean): void {
    if (reassign && left.length > 0) this.#faults.push(`a worker left ${left.length} tasks that were reassigned`);
    for (const { id, state } of left) if (state !== 'cancelled') this.#faults.push(`${id} was left, but is ${state}`);
  }

  protected cancelSome(): void {
    for (const flight of this.#flights.values()) {
      if (!this.#random.chance(0.02)) continue;
      flight.endings.add('chaos');
      flight.handle.cancel('chaos');
    }
  }

  protected cancelSeries(): void {
    const series = `series ${this.#random.below(12)}`;
    const flights = [...this.#flights.values()].filter((flight) => flight.plan.options.series === series);
    const open = flights.filter(({ handle }) => handle.state === 'queued' || handle.state === 'running');
    for (const { endings } of open) endings.add('chaos');
    const count = this.#queue.cancelSeries(series, 'chaos');
    if (count !== open.length) this.#faults.push(`cancelled ${count} of the ${open.length} tasks of ${series}`);
    if (this.#queue.sizeOf(series) !== 0) this.#faults.push(`${series} still waits after it was cancelled`);
  }

  protected reniceSome(): void {
    for (const { handle } of this.#flights.values()) {
      if (this.#random.chance(0.05)) handle.renice(this.#random.below(41) - 20);
    }
  }

  protected pause(): void {
    this.#queue.pause();
    this.#follow(
      'pausing',
      turn().then(() => this.#queue.resume()),
    );
  }

  protected limit(): void {
    const { concurrency } = { concurrency: 1 + this.#random.below(4) };
    this.#queue.limit(this.#random.chance(0.5) ? null : { concurrency });
  }

  protected limitSeries(): void {
    const random = this.#random;
    const rules = [null, { concurrency: 1 + random.below(2) }, { rate: { count: 20, interval: 5 } }];
    this.#queue.limitSeries(`series ${random.below(12)}`, random.pick(rules) ?? null);
  }

  protected update(): void {
    const ephemeral = this.#random.chance(0.7);
    this.#follow(
      'updating',
      this.#queue.update((n: number) => n, [this.#settled], { ephemeral, key: 'settled' }),
    );
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  /** Lifts what holds the queue up and waits for everything that is out. */
  async #calmDown(): Promise<void> {
    const queue = this.#queue;
    queue.resume();
    queue.limit(null);
    for (let i = 0; i < 12; i++) queue.limitSeries(`series ${i}`, null);
    while (this.#flights.size > 0) {
      if (this.#faults.length > 0) return;
      await this.#change();
    }
    while (this.#work.size > 0) await Promise.all(this.#work.keys());
    await queue.onIdle();
    this.#checkBooks();
  }

  #checkBooks(): void {
    const { size, pending } = this.#queue;
    if (size !== 0 || pending !== 0) this.#faults.push(`${size} tasks wait and ${pending} run, but all have settled`);
    const { waiting, started } = this.#queue.stats();
    if (waiting !== 0 || started !== 0) this.#faults.push(`statistics count ${waiting} waiting, ${started} started`);
  }

  /** Every worker that should be there is, and takes tasks. */
  async #checkWorkers(): Promise<void> {
    const queue = this.#queue;
    const expected = new Set([...this.#crew, ...this.#guests]);
    const present = queue.workers();
    const isRight = present.length === expected.size && present.every((worker) => expected.has(worker));
    if (!isRight) this.#faults.push(`${present.length} workers in place of ${expected.size}`);
    // A series of its own for each worker: only that one can run its task.
    await Promise.all(
      present.map(async (worker, i) => {
        const own = Symbol(`worker ${i}`);
        const alone = worker.kind;
        const id = await queue.call((n: number) => n, [i], { series: own, on: alone });
        if (id !== i) this.#faults.push(`worker ${worker.id} answers ${id}`);
      }),
    );
  }

  async #end(): Promise<void> {
    const mode = this.#random.pick<ShutdownMode>(['drain', 'finish', 'crash']) as ShutdownMode;
    const unfinished = await this.#queue.shutdown({ mode });
    if (unfinished.length > 0) this.#faults.push(`${unfinished.length} tasks were unfinished when nothing waited`);
    if (this.#queue.workers().length > 0) this.#faults.push('workers are left after shutdown');
  }

  #starts(): string[] {
    return readFileSync(this.#log, 'utf8').split('\n').slice(0, -1);
  }

  /** No attempt was run twice, and none that nobody knows of. */
  #checkStarts(): void {
    const seen = new Set<string>();
    for (const line of this.#starts()) {
      const [id, attempt] = line.split(' ').map(Number) as [number, number];
      const plan = new Plan(this.#options.seed, id);
      const what = `attempt ${attempt} of task ${id} (${plan.sort}, ${plan.kind})`;
      if (seen.has(line)) this.#faults.push(`${what} was run twice`);
      if (attempt > (this.#attempts[id] ?? 0)) this.#faults.push(`${what} was run, of ${this.#attempts[id]}`);
      seen.add(line);
    }
  }

  async #allHaveExited(): Promise<void> {
    await Promise.all([...this.#threads, ...this.#children].map((one) => once(one, 'exit')));
  }

  async #checkLeftovers(before: Map<string, number>, listenersBefore: number): Promise<void> {
    // What has been closed leaves the list a turn or two later.
    let left = leftovers(before);
    for (let turns = 0; left.length > 0 && turns < 100; turns++) {
      await turn();
      left = leftovers(before);
    }
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    const listeners = processListeners();
    if (listeners > listenersBefore) throw new Error(`left ${listeners - listenersBefore} listeners on the process`);
  }

  /** Fails, and says what is out, when nothing has settled for long. */
  async #withinReason<T>(work: Promise<T>): Promise<T> {
    let last = -1;
    let timer: NodeJS.Timeout | undefined;
    const stuck = new Promise<never>((_, reject) => {
      timer = setInterval(() => {
        if (last === this.#settled) reject(new Error(this.#stuckReport()));
        last = this.#settled;
      }, STUCK);
    });
    try {
      return await Promise.race([work, stuck]);
    } finally {
      clearInterval(timer);
    }
  }

  #stuckReport(): string {
    const { size, pending, isPaused } = this.#queue;
    const out = [...this.#flights.values()].slice(0, 20).map(({ plan, handle }) => {
      const { id, sort, kind, ending } = plan;
      return `  ${id}: ${sort} on ${kind}, ${handle.state}, attempt ${handle.attempts} on ${handle.workerId}, ends by ${ending}`;
    });
    const workers = this.#queue
      .stats()
      .workers.map(({ id, kind, ...more }) => `  ${id} ${kind} ${JSON.stringify(more)}`.slice(0, 120));
    const left = `${this.#threads.size} threads and ${this.#children.size} processes are there`;
    const counts = `${size} wait, ${pending} run, ${this.#flights.size} out, ${this.#work.size} things under way, paused: ${isPaused}`;
    return ['nothing settles any more', counts, left, ...this.#work.values(), ...this.#faults, ...out, ...workers].join(
      '\n',
    );
  }

  #count(counts: Record<string, number>, what: string): void {
    counts[what] = (counts[what] ?? 0) + 1;
  }
}

const limits = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 };
const silent = { stderr: true } as const;

/** Those that are always there. */
const CREW: readonly (() => IWorker)[] = [
  () => new AsyncWorker({ concurrency: 4 }),
  () => new ThreadWorker({ graceful: 10, resourceLimits: limits, ...silent }),
  () => new ThreadWorker({ concurrency: 4, graceful: 10, resourceLimits: limits, maxTasks: 1500, ...silent }),
  () => new ProcessWorker({ graceful: 10, stdio: ['ignore', 'ignore', 'ignore'] }),
  () => new ProcessWorker({ concurrency: 3, graceful: 10, maxTasks: 1500, stdio: ['ignore', 'ignore', 'ignore'] }),
];

/** Those that come and go. */
const GUESTS: readonly (() => IWorker)[] = [
  () => new AsyncWorker(),
  () => new ThreadWorker({ graceful: 10, resourceLimits: limits, maxTasks: 40, ...silent }),
  () => new ThreadWorker({ concurrency: 2, graceful: 0, resourceLimits: limits, ...silent }),
  () => new ProcessWorker({ concurrency: 2, graceful: 20, stdio: ['ignore', 'ignore', 'ignore'] }),
];

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error).replace(/ .*/, '');
}

/** What keeps the program busy, by sort. */
function inventory(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const what of process.getActiveResourcesInfo()) counts.set(what, (counts.get(what) ?? 0) + 1);
  return counts;
}

function leftovers(before: Map<string, number>): string[] {
  const left: string[] = [];
  for (const [what, count] of inventory()) {
    // A turn of this program itself.
    if (what === 'Immediate') continue;
    const more = count - (before.get(what) ?? 0);
    if (more > 0) left.push(`${more} ${what}`);
  }
  return left;
}

function processListeners(): number {
  return process.eventNames().reduce((sum, event) => sum + process.listenerCount(event), 0);
}
