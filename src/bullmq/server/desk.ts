import type { Job } from 'bullmq';
import { now } from '../../clock.js';
import { WorkerLostError } from '../../errors.js';
import { decodeError, type ErrorRecord, encodeError } from '../../protocol/error-record.js';
import type { Logger } from '../../queue/options.js';
import type { TaskRef } from '../../tasks/task-module.js';
import { decode, encode, probe } from '../codec.js';
import type { Member } from '../member.js';
import { type JobData, type Message, type Orders, orders, type Reports, read, readJob, write } from '../protocol.js';
import type { Modules } from './modules.js';
import { type RunOwner, ServedRun } from './served-run.js';
import type { ServerQueue } from './server-queue.js';
import { causeOf, type ServerUpdates } from './server-updates.js';

/** What runs for one caller. */
interface Customer {
  readonly runs: Map<number, ServedRun>;
  unwatch(): void;
}

/** Takes the jobs that BullMQ gives to a server, and what their callers say of them. */
export class Desk implements Orders, RunOwner {
  readonly queue: ServerQueue;
  /** How many tasks run. */
  running = 0;
  readonly #member: Member;
  readonly #modules: Modules;
  readonly #updates: ServerUpdates;
  readonly #logger: Logger | undefined;
  readonly #customers = new Map<string, Customer>();
  #onOver: (() => void) | null = null;
  /** Why it has given up, and takes no more. */
  #loss: WorkerLostError | null = null;

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
  async process(job: Job): Promise<void> {
    await this.#process(job);
    await this.#member.written();
  }

  async #process({ data, attemptsStarted }: Job): Promise<void> {
    let job: JobData;
    try {
      job = readJob(data);
    } catch (error) {
      this.#logger?.warn('A job was dropped that no caller of niceq can have made', error);
      return;
    }
    // Whoever had it before has died. Whether it is run again its caller decides.
    if (attemptsStarted > 1) {
      this.#lose(job, new WorkerLostError('The server that ran the task died'));
      return;
    }
    if (!(await this.#member.watch.isThere(job.caller))) {
      await this.#member.forget(job.caller);
      return;
    }
    await this.#run(job);
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
    this.#loss = error;
    for (const { runs } of this.#customers.values()) for (const run of runs.values()) run.lose(error);
  }

  /** Resolves when nothing goes on any more, iterations neither. */
  async finished(): Promise<void> {
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
      await this.#updates.catchUp(entry);
      return this.#updates.outcome(entry);
    });
  }

  update(caller: string, job: number, module: string, name: string, args: unknown[]): void {
    void this.#answer(caller, job, async () => {
      const [value] = await this.queue.update(this.#modules.ref(module, name), args, { ephemeral: true });
      return value;
    });
  }

  // --- what runs say ------------------------------------------------------------------------------------------------

  send(caller: string, job: number, message: string): void {
    this.#member.send(caller, job, message);
  }

  over({ caller, job }: ServedRun): void {
    const customer = this.#customers.get(caller);
    customer?.runs.delete(job);
    if (customer?.runs.size === 0) {
      customer.unwatch();
      this.#customers.delete(caller);
    }
    if (this.#customers.size === 0) this.#onOver?.();
  }

  // --- within -------------------------------------------------------------------------------------------------------

  async #run(job: JobData): Promise<void> {
    let ref: TaskRef;
    let args: unknown[];
    let series: unknown;
    try {
      ref = this.#modules.ref(job.module, job.name);
      [args, series] = decode(job.payload) as [unknown[], unknown];
      if (!this.#updates.has(job.update)) await this.#updates.catchUp(job.update);
    } catch (error) {
      const at = now();
      this.#tell(job.caller, ['failed', job.job, encodeError(error, probe), at, at]);
      return;
    }
    if (this.#loss !== null) {
      this.#lose(job, this.#loss);
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

  #lose({ caller, job }: JobData, error: WorkerLostError): void {
    this.#tell(caller, ['lost', job, encodeError(error, probe)]);
  }

  #serve(run: ServedRun): void {
    let customer = this.#customers.get(run.caller);
    if (customer === undefined) {
      customer = { runs: new Map(), unwatch: this.#watch(run.caller) };
      this.#customers.set(run.caller, customer);
    }
    customer.runs.set(run.job, run);
  }

  #watch(caller: string): () => void {
    return this.#member.watch.watch(caller, () => this.#callerGone(caller));
  }

  #callerGone(caller: string): void {
    void this.#member.forget(caller);
    const customer = this.#customers.get(caller);
    if (customer === undefined) return;
    // It may come back before these runs have ended, and leave again.
    customer.unwatch = this.#watch(caller);
    const error = new WorkerLostError('The caller is gone');
    for (const run of customer.runs.values()) run.abandon(error);
  }

  #find(caller: string, job: number): ServedRun | undefined {
    return this.#customers.get(caller)?.runs.get(job);
  }

  async #answer(caller: string, job: number, update: () => Promise<unknown>): Promise<void> {
    try {
      this.#tell(caller, ['updated', job, this.id, encodable(await update()), null]);
    } catch (error) {
      this.#tell(caller, ['updated', job, this.id, undefined, encodeError(causeOf(error), probe)]);
    }
  }

  #tell(caller: string, report: Message<Reports>): void {
    this.send(caller, report[1], write<Reports>(report));
  }
}

function encodable(value: unknown): unknown {
  encode(value);
  return value;
}
