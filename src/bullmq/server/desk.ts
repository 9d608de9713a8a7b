import { setMaxListeners } from 'node:events';
import { inspect } from 'node:util';
import type { Job } from 'bullmq';
import { now } from '../../clock.js';
import { TaskCancelledError, WorkerLostError } from '../../errors.js';
import { decodeError, type ErrorRecord, encodeError } from '../../protocol/error-record.js';
import { refusedResult } from '../../protocol/uncloneable.js';
import type { Logger } from '../../queue/options.js';
import type { TaskRef } from '../../tasks/task-module.js';
import { wait } from '../../tools/wait.js';
import { decode, probe } from '../codec.js';
import type { Member } from '../member.js';
import { type JobData, type Message, type Orders, orders, type Reports, read, readJob, write } from '../protocol.js';
import type { Modules } from './modules.js';
import { type RunOwner, ServedRun } from './served-run.js';
import type { Given, ServerQueue } from './server-queue.js';
import type { ServerUpdates } from './server-updates.js';

/** What runs for one caller. */
interface Customer {
  readonly runs: Map<number, ServedRun>;
  /** How to stop watching it; null if it was found to be gone. */
  unwatch: (() => void) | null;
}

/** How many updates are remembered that were run once: an order for one may come twice. */
const REMEMBERED = 1000;

/** Takes the jobs that BullMQ gives to a server, and what their callers say of them. */
export class Desk implements Orders, RunOwner {
  readonly queue: ServerQueue;
  /** How many tasks run. */
  running = 0;
  patience: number | null = null;
  readonly #member: Member;
  readonly #modules: Modules;
  readonly #updates: ServerUpdates;
  readonly #logger: Logger | undefined;
  readonly #customers = new Map<string, Customer>();
  /** Updates that were run once, by whose they are, with what they came to. */
  readonly #updated = new Map<string, Promise<Given | null>>();
  /** Runs that have begun in this turn. */
  #begun: ServedRun[] = [];
  #onOver: (() => void) | null = null;
  /** Is aborted, with the loss of all that goes on, when it gives up and takes no more. */
  readonly #givingUp = new AbortController();

  constructor(
    member: Member,
    queue: ServerQueue,
    modules: Modules,
    updates: ServerUpdates,
    logger: Logger | undefined,
  ) {
    this.#member = member;
    this.queue = queue;
    this.#modules = modules;
    this.#updates = updates;
    this.#logger = logger;
    // Each job that begins may wait for it.
    setMaxListeners(0, this.#givingUp.signal);
  }

  get id(): string {
    return this.#member.id;
  }

  /** How many tasks and iterations go on. */
  get size(): number {
    let size = 0;
    for (const { runs } of this.#customers.values()) size += runs.size;
    return size;
  }

  /**
   * Runs a job. Resolves when its task has ended, and Redis is told of that before BullMQ ends the job there: so the
   * caller works on meanwhile, and a server that dies in between has left nothing unsaid.
   */
  async process({ data, attemptsStarted }: Job): Promise<void> {
    let job: JobData;
    try {
      job = readJob(data);
    } catch (error) {
      this.#logger?.warn('A job was dropped that no caller of niceq can have made', error);
      return;
    }
    const { watch } = this.#member;
    try {
      // Whoever had it before has died. Whether it is run again its caller decides.
      if (attemptsStarted > 1) throw new WorkerLostError('The server that ran the task died');
      const isThere = watch.wasSeen(job.caller) || (await this.#unlessGivenUp(watch.isThere(job.caller)));
      if (isThere) await this.#run(job);
      else await this.#member.forget(job.caller);
    } catch (error) {
      this.#tell(job.caller, ['lost', job.job, encodeError(error, probe)]);
    }
    await this.#member.written();
  }

  receive(message: string): void {
    try {
      read<Orders>(message, orders, this);
    } catch (error) {
      this.#logger?.warn('A message was dropped that no caller of niceq can have sent', error);
    }
  }

  /** Something that was to be said of these, here or by their caller, was not: they have come to nothing. */
  refused(caller: string, jobs: readonly number[], why: string): void {
    for (const job of jobs) this.#find(caller, job)?.abandon(new WorkerLostError(`Redis refused a message: ${why}`));
  }

  /** Gives up all that goes on, and all that BullMQ may yet have for it. */
  loseAll(error: WorkerLostError): void {
    this.#givingUp.abort(error);
    for (const run of this.#runs()) run.lose(error);
  }

  /** Resolves when nothing goes on any more. Iterations that nobody reads for `patience` milliseconds are ended. */
  async finished(patience: number): Promise<void> {
    this.patience = patience;
    for (const run of this.#runs()) run.expectReader();
    if (this.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onOver = resolve;
    });
  }

  // --- what callers say ---------------------------------------------------------------------------------------------

  abort(caller: string, job: number, reason: ErrorRecord): void {
    this.#find(caller, job)?.abort(decodeError(reason));
  }

  pull(caller: string, job: number): void {
    this.#find(caller, job)?.pull();
  }

  close(caller: string, job: number): void {
    this.#find(caller, job)?.close();
  }

  keep(caller: string, job: number, entry: string): void {
    void this.#answer(caller, job, async () => {
      return (await this.#updates.catchUp(entry)) ? { value: this.#updates.outcome(entry) } : null;
    });
  }

  update(caller: string, job: number, module: string, name: string, args: unknown[]): void {
    const id = `${caller}-${job}`;
    let outcome = this.#updated.get(id);
    if (outcome === undefined) {
      outcome = this.#updateOnce(module, name, args);
      this.#updated.set(id, outcome);
      const [oldest] = this.#updated.keys();
      if (this.#updated.size > REMEMBERED) this.#updated.delete(oldest as string);
    }
    // The answer to the first order may have been lost.
    void this.#answer(caller, job, () => outcome);
  }

  // --- what runs say ------------------------------------------------------------------------------------------------

  send(caller: string, job: number, message: string): void {
    this.#member.send(caller, job, message);
  }

  /** A short task is over before anybody needs to know that it has begun. */
  begun(run: ServedRun): void {
    if (this.#begun.length === 0) setImmediate(() => this.#tellBegun());
    this.#begun.push(run);
  }

  over({ caller, job }: ServedRun): void {
    const customer = this.#customers.get(caller);
    customer?.runs.delete(job);
    if (customer?.runs.size === 0) {
      customer.unwatch?.();
      this.#customers.delete(caller);
    }
    if (this.#customers.size === 0) this.#onOver?.();
  }

  // --- within -------------------------------------------------------------------------------------------------------

  /** Runs a job, or refuses it. Throws the loss of one that it has not begun. */
  async #run(job: JobData): Promise<void> {
    let ref: TaskRef;
    let args: unknown[];
    let series: unknown;
    try {
      ref = this.#modules.ref(job.module, job.name);
      [args, series] = decode(job.payload) as [unknown[], unknown];
    } catch (error) {
      this.#refuse(job, error);
      return;
    }
    if (!this.#updates.has(job.update) && !(await this.#unlessGivenUp(this.#updates.catchUp(job.update)))) {
      throw new WorkerLostError('The server has left');
    }
    this.#givingUp.signal.throwIfAborted();
    if (!this.queue.serves(series)) {
      this.#refuse(job, unserved(this.id, this.#modules.server, series));
      return;
    }
    const run = new ServedRun(job, this);
    this.#serve(run);
    this.running++;
    try {
      await run.run(ref, args, series, job);
    } finally {
      this.running--;
    }
  }

  /** Waits for what Redis may refuse to tell for ever. Throws the loss if it gives up before. */
  async #unlessGivenUp<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#givingUp;
    await wait({ signal }, (wake, fail) => {
      promise.then(wake, fail);
      return () => {};
    });
    return promise;
  }

  async #updateOnce(module: string, name: string, args: unknown[]): Promise<Given | null> {
    return this.queue.updateAll(this.#modules.ref(module, name), args, { ephemeral: true });
  }

  /** What can't be run here its caller hears, and so does whoever runs the server. */
  #refuse({ caller, job, module, name }: JobData, error: unknown): void {
    this.#logger?.warn(`A task was refused: \`${name}\` of \`${module}\``, error);
    const at = now();
    this.#tell(caller, ['failed', job, encodeError(error, probe), at, at]);
  }

  #serve(run: ServedRun): void {
    let customer = this.#customers.get(run.caller);
    if (customer === undefined) {
      customer = { runs: new Map(), unwatch: null };
      this.#customers.set(run.caller, customer);
    }
    customer.unwatch ??= this.#member.watch.watch(run.caller, () => this.#callerGone(run.caller));
    customer.runs.set(run.job, run);
  }

  #callerGone(caller: string): void {
    void this.#member.forget(caller);
    const customer = this.#customers.get(caller);
    if (customer === undefined) return;
    // Should it come back before these runs have ended, it is watched again as soon as there is another.
    customer.unwatch = null;
    const error = new WorkerLostError('The caller is gone');
    for (const run of customer.runs.values()) run.abandon(error);
  }

  #tellBegun(): void {
    const begun = this.#begun;
    this.#begun = [];
    for (const run of begun) run.tellStarted();
  }

  *#runs(): IterableIterator<ServedRun> {
    for (const { runs } of this.#customers.values()) yield* runs.values();
  }

  #find(caller: string, job: number): ServedRun | undefined {
    return this.#customers.get(caller)?.runs.get(job);
  }

  async #answer(caller: string, job: number, update: () => Promise<Given | null>): Promise<void> {
    try {
      const given = await update();
      // It leaves, which the caller hears from its watch: nobody is to take the update for run, or for a bad one.
      if (given === null) return;
      try {
        this.#tell(caller, ['updated', job, this.id, given.value, null]);
      } catch (cause) {
        throw refusedResult('The result', given.value, probe, cause);
      }
    } catch (error) {
      this.#tell(caller, ['updated', job, this.id, undefined, encodeError(error, probe)]);
    }
  }

  #tell(caller: string, report: Message<Reports>): void {
    this.send(caller, report[1], write<Reports>(report));
  }
}

/** The error of a task that would wait for ever. */
function unserved(server: string, name: string, series: unknown): TaskCancelledError {
  return new TaskCancelledError(
    `The server ${server} of \`${name}\` has no worker for the series \`${inspect(series)}\`: every server of a name must serve every series that is called there, so give one of its workers this series, or no \`series\` at all`,
  );
}
