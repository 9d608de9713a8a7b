import { now } from '../clock.js';
import { type WorkerLostError, WorkerStartError } from '../errors.js';
import type { DetachOptions } from '../queue/options.js';
import type { Task } from '../queue/task.js';
import type { Crew } from '../scheduling/crew.js';
import type { Job } from '../scheduling/job.js';
import { Places } from '../scheduling/places.js';
import type { Scheduler } from '../scheduling/scheduler.js';
import { within } from '../within.js';
import type { Assignment, IWorker } from '../workers/worker.js';
import type { Attempts } from './attempts.js';
import { Employment, type EmploymentOwner } from './employment.js';
import type { HandlerHost, Recruiter } from './host.js';
import { Onboarding } from './onboarding.js';
import type { Rounds } from './rounds.js';
import type { KeptUpdate } from './updates.js';

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
 * The workers in employment: hires, qualifies and dismisses them, and hears what they have to say of themselves.
 *
 * A worker counts among those that serve its series from its hire until it leaves; it is given tasks only while it is
 * open: after its start and its updates, and not while it replaces what it runs tasks on.
 */
export class Workforce implements EmploymentOwner {
  recruiter: Recruiter | null = null;
  /** Whether there are workers, and every one of them would get a closure by its source. */
  sendsClosures = false;

  readonly #scheduler: Scheduler;
  readonly #attempts: Attempts;
  readonly #host: HandlerHost;
  readonly #rounds: Rounds;
  readonly #employments = new Map<number, Employment>();
  readonly #onboarding: Onboarding;
  /** Kinds of workers that may be hired. */
  readonly #announced = new Set<string>();
  #count = 0;

  constructor(scheduler: Scheduler, attempts: Attempts, host: HandlerHost, rounds: Rounds) {
    this.#scheduler = scheduler;
    this.#attempts = attempts;
    this.#host = host;
    this.#rounds = rounds;
    this.#onboarding = new Onboarding(attempts, host, rounds);
  }

  get employments(): Employment[] {
    return [...this.#employments.values()];
  }

  get isEmpty(): boolean {
    return this.#employments.size === 0;
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

  /** Whether some worker serves the series. */
  serves(series: unknown): boolean {
    for (const employment of this.#employments.values()) if (employment.serves(series)) return true;
    return false;
  }

  /** Sum of what attached workers run at a time. */
  get capacity(): number {
    let capacity = 0;
    for (const { isLeaving, concurrency } of this.#employments.values()) if (!isLeaving) capacity += concurrency;
    return capacity;
  }

  /** Those of the places that nothing is in, with those of workers that could still be hired. */
  get free(): Places {
    const places = new Places(now());
    if (this.recruiter !== null) places.add(this.recruiter.desk, this.recruiter.vacancy);
    for (const { crew, kind, concurrency, load } of this.#employments.values()) {
      if (crew !== null) places.add(crew.desk(kind), Math.max(0, concurrency - load));
    }
    return places;
  }

  /** How many tasks workers have beyond their places. */
  get surplus(): number {
    let surplus = 0;
    for (const { concurrency, load } of this.#employments.values()) surplus += Math.max(0, load - concurrency);
    return surplus;
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
    this.#join(employment);
    // Plans a round, which is to come after the first worker of a pool has begun to start: that goes on meanwhile.
    return this.#rounds.occupy(this.#start(employment, begin));
  }

  /** Dismisses a worker. Resolves when it has ended, with the tasks it leaves unfinished, unless they are reassigned. */
  terminate(employment: Employment, options: DetachOptions = {}): Promise<Task[]> {
    return this.#rounds.occupy(this.#dismiss(employment, options));
  }

  /** The worker serves one more series, after the updates kept for it. */
  qualify(employment: Employment, series: unknown): Promise<void> {
    const qualified = this.#onboarding.qualify(employment, series, (qualification) => {
      employment.qualification = qualification;
      const { isOpen } = employment;
      this.#leave(employment);
      this.#join(employment);
      if (isOpen) this.#open(employment);
    });
    return this.#rounds.occupy(qualified);
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
    // No round is planned: nothing can be assigned yet, and it would come before the first worker begins to start.
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

  guard(call: () => unknown): void {
    this.#host.guard(call);
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
        if (employment.isLeaving) return;
        const started = worker.start(employment);
        // Now, as there is nothing else to do until it has.
        this.#attempts.pin(this.#host.directTask(nothing), employment);
        await started;
      };
      await Promise.race([begin(start), employment.ended]);
      await this.#admit(employment);
      // One that was lost meanwhile starts when it is ready again.
      await employment.started;
      if (!employment.hasStarted) throw new WorkerStartError('The worker was detached before it had started');
    } catch (error) {
      const { resignation } = employment;
      if (resignation !== null) {
        // One written in JavaScript may have given no error.
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

  /** Lets a worker take tasks, once it is prepared for them. */
  async #admit(employment: Employment): Promise<void> {
    await this.#onboarding.admit(employment, () => {
      const event = employment.hasStarted ? 'workerReplaced' : 'workerAttached';
      this.#open(employment);
      employment.start();
      this.#host.emit(event, employment.worker);
    });
  }

  async #update(update: KeptUpdate, isEphemeral: boolean): Promise<unknown[]> {
    // Those that it hires count as present.
    const minimum = this.recruiter?.startMinimum();
    const meant = this.employments.filter(
      (one) => !one.isLeaving && (!update.isForSeries || one.serves(update.series)),
    );
    return await this.#onboarding.update(update, isEphemeral, meant, minimum);
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
    this.#rounds.plan();
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
  }
}
