import { now } from '../clock.js';
import { WorkerLostError, WorkerStartError } from '../errors.js';
import type { DetachOptions } from '../queue/options.js';
import type { Task } from '../queue/task.js';
import type { Crew } from '../scheduling/crew.js';
import type { Job } from '../scheduling/job.js';
import type { Scheduler } from '../scheduling/scheduler.js';
import { within } from '../within.js';
import type { Assignment, IWorker } from '../workers/worker.js';
import type { Attempts } from './attempts.js';
import { Employment, type EmploymentOwner } from './employment.js';
import type { HandlerHost, Recruiter } from './host.js';
import type { Rounds } from './rounds.js';
import { type KeptUpdate, Updates } from './updates.js';

/** Kinds of worker that get functions by their source, or not at all. */
const BY_SOURCE: ReadonlySet<string> = new Set(['thread', 'process', 'remote']);

/** Calls `start`, at once or when there is room for it. */
type Beginning = (start: () => Promise<void>) => Promise<void>;

/** The workers that are employed by any queue. */
const employed = new WeakSet<IWorker>();

/** Throws if a queue, whichever, employs the worker: it has one id, and one that it turns to. */
export function checkFree(worker: IWorker): void {
  if (!employed.has(worker)) return;
  const message = `Worker ${worker.id}, of kind '${worker.kind}', is attached already, to this queue or to another one`;
  throw new TypeError(`${message}: detach it first, or make a worker for each`);
}

/** What the task does that each worker keeps and never runs. */
const nothing = { fn: () => {}, args: [], series: undefined };

/**
 * The workers in employment: hires, qualifies and dismisses them, keeps the updates that new ones must have run, and
 * hears what they have to say of themselves.
 *
 * A worker counts among those that serve its series from its hire until it leaves; it is given tasks only while it is
 * open: after its start and its updates, and not while it replaces what it runs tasks on.
 */
export class Workforce implements EmploymentOwner {
  recruiter: Recruiter | null = null;
  /** Whether there are workers, and every one of them would get a closure by its source. */
  sendsClosures = false;
  /** Whether workers have come, gone or been qualified since somebody looked. */
  hasChanged = false;

  readonly #scheduler: Scheduler;
  readonly #attempts: Attempts;
  readonly #host: HandlerHost;
  readonly #rounds: Rounds;
  readonly #employments = new Map<number, Employment>();
  readonly #updates = new Updates();
  /** Kinds of workers that may be hired. */
  readonly #announced = new Set<string>();
  #count = 0;

  constructor(scheduler: Scheduler, attempts: Attempts, host: HandlerHost, rounds: Rounds) {
    this.#scheduler = scheduler;
    this.#attempts = attempts;
    this.#host = host;
    this.#rounds = rounds;
  }

  get employments(): Employment[] {
    return [...this.#employments.values()];
  }

  /** All workers, or those that serve a series. */
  roster(...series: [series?: unknown]): IWorker[] {
    const { employments } = this;
    const serving = series.length === 0 ? employments : employments.filter((one) => one.serves(series[0]));
    return serving.map(({ worker }) => worker);
  }

  /** Undefined for whatever is no worker, too. */
  employment(workerOrId: IWorker | number | null | undefined): Employment | undefined {
    const id = typeof workerOrId === 'number' ? workerOrId : workerOrId?.id;
    const employment = id === undefined ? undefined : this.#employments.get(id);
    return typeof workerOrId === 'number' || employment?.worker === workerOrId ? employment : undefined;
  }

  /** Sum of what attached workers run at a time. */
  get capacity(): number {
    let capacity = 0;
    for (const { isLeaving, concurrency } of this.#employments.values()) if (!isLeaving) capacity += concurrency;
    return capacity;
  }

  /** How many of those places nothing is in, with those of workers that could still be hired. */
  get free(): number {
    let free = this.recruiter?.vacancy ?? 0;
    for (const { isLeaving, concurrency, load } of this.#employments.values()) {
      if (!isLeaving) free += Math.max(0, concurrency - load);
    }
    return free;
  }

  // --- coming and going ---------------------------------------------------------------------------------------------

  /**
   * Hires a worker, which is employed from now on. Resolves with its employment when it takes tasks. `begin` may have
   * its start wait for others.
   */
  hire(worker: IWorker, begin: Beginning = (start) => start()): Promise<Employment> {
    const employment = new Employment(++this.#count, worker, this);
    worker.id = employment.id;
    employed.add(worker);
    this.#employments.set(employment.id, employment);
    this.#attempts.pin(this.#host.directTask(nothing), employment);
    this.#join(employment);
    return this.#rounds.occupy(this.#start(employment, begin));
  }

  /** Dismisses a worker. Resolves when it has ended, with the tasks it leaves unfinished, unless they are reassigned. */
  terminate(employment: Employment, options: DetachOptions = {}): Promise<Task[]> {
    return this.#rounds.occupy(this.#dismiss(employment, options));
  }

  /** The worker serves one more series, after the updates kept for it. */
  qualify(employment: Employment, series: unknown): Promise<void> {
    return this.#rounds.occupy(this.#qualify(employment, series));
  }

  /** The worker runs more or fewer tasks at a time than before. */
  capacityChanged(worker: IWorker): void {
    const employment = this.employment(worker);
    if (employment === undefined) return;
    this.#scheduler.touch(employment);
    this.#rounds.plan();
  }

  /** A crew whose workers are to be hired when there is something for them. */
  announce(kind: string, qualification: ReadonlySet<unknown> | null): Crew {
    const crew = this.#scheduler.crew(qualification);
    this.#scheduler.join(crew, kind);
    this.#announced.add(kind);
    this.#changed();
    return crew;
  }

  // --- updates ------------------------------------------------------------------------------------------------------

  /** Runs an update on every worker it is meant for and, unless it is ephemeral, on those to come. */
  update(update: KeptUpdate, isEphemeral: boolean): Promise<unknown[]> {
    return this.#rounds.occupy(this.#update(update, isEphemeral));
  }

  // --- what workers say ---------------------------------------------------------------------------------------------

  isMetered(job: Job): boolean {
    return this.#scheduler.isMetered(job);
  }

  workerThrew(error: unknown): void {
    this.#host.guard(() => {
      throw error;
    });
  }

  workerLost(employment: Employment, error: WorkerLostError, unstarted: readonly Assignment[]): void {
    employment.renewed();
    this.#scheduler.close(employment);
    this.#attempts.lost(employment, error, unstarted);
    this.#rounds.plan();
  }

  workerPaused(employment: Employment): void {
    employment.renewed();
    this.#scheduler.close(employment);
    this.#attempts.recallFrom(employment);
  }

  async workerReady(employment: Employment): Promise<void> {
    employment.renewed();
    await this.#admit(employment);
  }

  workerResigned(employment: Employment, error: Error): void {
    const { worker } = employment;
    employment.resignation = error;
    this.#drop(employment);
    // Whoever waits for the start of one that has not started is told by that.
    if (!employment.hasStarted) return;
    this.recruiter?.departed(worker);
    this.#host.emit('workerLost', worker, error);
  }

  // --- within -------------------------------------------------------------------------------------------------------

  async #start(employment: Employment, begin: Beginning): Promise<Employment> {
    const { worker } = employment;
    try {
      const start = async () => {
        // It may have been told to go while it waited for others.
        if (!employment.isLeaving) await worker.start(employment);
      };
      await Promise.race([begin(start), employment.ended]);
      await this.#admit(employment);
      // One that was lost meanwhile starts when it is ready again.
      await employment.started;
      if (!employment.hasStarted) throw new WorkerStartError('The worker was detached before it had started');
    } catch (error) {
      const { resignation } = employment;
      if (resignation !== null) {
        const message = `The worker resigned before it had started: ${resignation?.message}`;
        throw new WorkerStartError(message, { cause: resignation });
      }
      // One that was told to go ends by that.
      if (!employment.isLeaving) this.#drop(employment);
      throw error;
    }
    return employment;
  }

  async #dismiss(employment: Employment, options: DetachOptions): Promise<Task[]> {
    const { reassign = true, crash = false, timeout = Number.POSITIVE_INFINITY } = options;
    const { worker } = employment;
    const isFirst = !employment.isLeaving;
    if (isFirst) {
      employment.isLeaving = true;
      this.#leave(employment);
      this.#attempts.recallFrom(employment);
    }
    // One that can't stop in order is made to. One that was told to before is waited for.
    const stopped = () => (isFirst ? this.#stop(employment) : employment.ended);
    const hasStopped = !crash && (await within(timeout, stopped()).catch(() => false));
    if (!hasStopped) employment.crash();
    employment.end();
    const left = this.#attempts.takeAll(employment, reassign);
    if (this.#remove(employment)) {
      this.recruiter?.departed(worker);
      if (employment.hasStarted) this.#host.emit('workerDetached', worker);
    }
    // Its tasks go elsewhere meanwhile.
    await employment.crashed;
    return left;
  }

  /** Ends the employment of a worker that can't go on: what it had goes elsewhere. */
  #drop(employment: Employment): void {
    employment.isLeaving = true;
    this.#leave(employment);
    this.#remove(employment);
    this.#attempts.takeAll(employment, true);
    employment.crash();
    employment.end();
    this.#rounds.plan();
  }

  /** False if it was removed before. */
  #remove({ id, worker }: Employment): boolean {
    if (!this.#employments.delete(id)) return false;
    employed.delete(worker);
    return true;
  }

  async #stop(employment: Employment): Promise<void> {
    await employment.finished();
    await employment.iterated();
    if (!employment.hasEnded) await Promise.race([employment.worker.stop(), employment.ended]);
  }

  async #update(update: KeptUpdate, isEphemeral: boolean): Promise<unknown[]> {
    // Those that it hires count as present.
    const minimum = this.recruiter?.startMinimum();
    if (!isEphemeral) this.#updates.keep(update);
    const meant = this.employments.filter(
      (one) => !one.isLeaving && (!update.isForSeries || one.serves(update.series)),
    );
    const runs = meant.map((employment) => this.#try(update, employment, isEphemeral));
    const [hiring, ...outcomes] = await Promise.allSettled([minimum, ...runs]);
    const errors: unknown[] = [];
    const results: unknown[] = [];
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') errors.push(outcome.reason);
      else if (outcome.value !== null) results.push(outcome.value.result);
    }
    if (errors.length === 0 && hiring.status === 'fulfilled') {
      this.#updates.confirm(update);
      return results;
    }
    this.#updates.forget(update);
    if (hiring.status === 'rejected') throw hiring.reason;
    const message = `The update failed on ${errors.length} of ${meant.length} workers, so it is not kept`;
    throw new AggregateError(errors, message);
  }

  /** Runs an update that may turn out to be a bad one, which is no fault of the worker. Null if that leaves before. */
  #try(update: KeptUpdate, employment: Employment, isEphemeral: boolean): Promise<{ result: unknown } | null> {
    return this.#visit(employment, update, async () => {
      return { result: await this.#run(update, employment, { isEphemeral, isTrial: true }) };
    });
  }

  async #qualify(employment: Employment, series: unknown): Promise<void> {
    const widened = () => new Set(employment.qualification).add(series);
    const widen = () => {
      employment.qualification = widened();
      const { isOpen } = employment;
      this.#leave(employment);
      this.#join(employment);
      if (isOpen) this.#open(employment);
    };
    // One that is replaced meanwhile has to be prepared once more.
    while (!employment.serves(series)) {
      if (employment.isLeaving) {
        const message = `Worker ${employment.id} has left before it could serve the series`;
        throw new WorkerLostError(message, { cause: employment.resignation ?? undefined });
      }
      await this.#visit(employment, Symbol('qualification'), () => this.#prepare(employment, widened(), widen));
    }
  }

  /** Does something on a worker: at once if it takes tasks, or else before it does. Null if it leaves before. */
  async #visit<T>(employment: Employment, about: unknown, errand: () => Promise<T>): Promise<T | null> {
    if (employment.isLeaving) return null;
    if (employment.isOpen) return await errand();
    return await new Promise((resolve, reject) => {
      const run = () => errand().then(resolve, reject);
      employment.errands.set(about, { run, drop: () => resolve(null) });
    });
  }

  /** Lets a worker take tasks after its kept updates and errands, unless it is lost, paused or dismissed meanwhile. */
  async #admit(employment: Employment): Promise<void> {
    const { delivered, hasStarted } = employment;
    let errand = null as Promise<void> | null;
    const proceed = () => {
      errand = employment.runErrand();
      if (errand !== null) return;
      this.#open(employment);
      employment.start();
      this.#host.emit(hasStarted ? 'workerReplaced' : 'workerAttached', employment.worker);
    };
    while (await this.#prepare(employment, employment.qualification, proceed)) {
      if (errand === null) return;
      await errand;
      if (employment.delivered !== delivered) return;
    }
  }

  /**
   * Runs the kept updates that a worker with this qualification has not had, and then does what they were kept for:
   * in the same breath, so that none can be kept in between and missed. Those it has an errand for come with that.
   * Resolves with false if the worker has been lost, paused or dismissed meanwhile.
   */
  async #prepare(
    employment: Employment,
    qualification: Employment['qualification'],
    then: () => void,
  ): Promise<boolean> {
    const { delivered, errands } = employment;
    const had = new Set<KeptUpdate>();
    while (!employment.isLeaving && employment.delivered === delivered) {
      const update = this.#updates.next(qualification, (one) => had.has(one) || errands.has(one));
      if (update === undefined) {
        then();
        return true;
      }
      const delivery = delivered.get(update);
      if (delivery === undefined) await this.#run(update, employment);
      else if (await delivery) had.add(update);
    }
    return false;
  }

  #run(update: KeptUpdate, employment: Employment, { isEphemeral = false, isTrial = false } = {}): Promise<unknown> {
    const task = this.#host.directTask(update);
    const { promise } = task;
    const { delivered } = employment;
    const succeeded = () => true;
    const failed = () => {
      delivered.delete(update);
      // Nobody else is given it from now on.
      if (isTrial) this.#updates.forget(update);
      return false;
    };
    if (!isEphemeral) delivered.set(update, promise.then(succeeded, failed));
    this.#attempts.runDirectly(task, employment, isEphemeral ? null : update.name);
    return this.#rounds.occupy(promise);
  }

  #join(employment: Employment): void {
    employment.crew = this.#scheduler.crew(employment.qualification);
    this.#scheduler.join(employment.crew, employment.kind);
    this.#changed();
  }

  #leave(employment: Employment): void {
    const { crew } = employment;
    if (crew === null) return;
    this.#scheduler.close(employment);
    this.#scheduler.leave(crew, employment.kind);
    employment.crew = null;
    this.#changed();
  }

  #open(employment: Employment): void {
    this.#scheduler.open(employment, employment.crew as Crew);
    employment.idleSince = now();
    employment.measure();
    this.#rounds.plan();
  }

  #changed(): void {
    const kinds = new Set(this.#announced);
    for (const { kind, crew } of this.#employments.values()) if (crew !== null) kinds.add(kind);
    this.sendsClosures = kinds.size > 0 && [...kinds].every((kind) => BY_SOURCE.has(kind));
    this.hasChanged = true;
    this.#rounds.plan();
  }
}
