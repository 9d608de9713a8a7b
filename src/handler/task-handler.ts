import { setImmediate } from 'node:timers';
import { checkDuration } from '../check.js';
import { now } from '../clock.js';
import {
  NotPortableError,
  TaskCancelledError,
  TaskTimeoutError,
  WorkerLostError,
  WorkerStartError,
} from '../errors.js';
import { abortConsumer, type Consumer, feed } from '../iteration/feed.js';
import { type ItemSource, Iteration, TaskIterator } from '../iteration/iteration.js';
import type { QueueEvents } from '../queue/events.js';
import type { DetachOptions, RetryPolicy } from '../queue/options.js';
import { CANCELLED, DELAYED, DONE, FAILED, HELD, QUEUED, RUNNING, type Task, type TaskOwner } from '../queue/task.js';
import type { Requirement } from '../scheduling/acceptance.js';
import type { Crew, Seat } from '../scheduling/crew.js';
import type { Job } from '../scheduling/job.js';
import { type Band, DO_NEXT, type Lane } from '../scheduling/lane.js';
import type { LimitRule } from '../scheduling/limiter.js';
import { type Assigner, Scheduler } from '../scheduling/scheduler.js';
import { isSameKey } from '../scheduling/series.js';
import { currentSource } from '../tasks/task-context.js';
import type { Assignment, IWorker } from '../workers/worker.js';
import { Attempt, type AttemptOwner } from './attempt.js';
import { Employment, type EmploymentOwner } from './employment.js';
import { KeepAlive } from './keep-alive.js';
import { Nesting } from './nesting.js';
import { Signals } from './signals.js';
import { type KeptUpdate, Updates } from './updates.js';

/** What a handler needs of its queue. */
export interface HandlerHost {
  emit<E extends keyof QueueEvents>(event: E, ...payload: QueueEvents[E]): boolean;
  listenerCount(event: keyof QueueEvents): number;
  /** Calls a listener of the user's, who may throw. */
  guard(call: () => void): void;
  /** A task that is run directly on a worker. */
  directTask(update: KeptUpdate): Task;
  /** A task has ended. */
  settled(task: Task, outcome: unknown): void;
  /** All that could be assigned has been. */
  roundEnded(): void;
}

/** Hires workers as they are needed. */
export interface Recruiter {
  /** All that could be assigned has been; `hasMore` tells whether something waits that some worker may run. */
  roundEnded(hasMore: boolean): void;
  /** What workers that could still be hired would run at a time. */
  readonly vacancy: number;
  /** A worker is gone. */
  departed(worker: IWorker): void;
}

/** How many rounds may follow each other as microtasks. */
const ROUNDS_IN_A_ROW = 100;

/** What a consumer gets of a result that is no iterator. */
async function* nothing(): AsyncGenerator<never> {}

/** Kinds of worker that get functions by their source, or not at all. */
const BY_SOURCE: ReadonlySet<string> = new Set(['thread', 'process', 'remote']);

/**
 * Employs the workers: hires and dismisses them, gives them what the scheduler decides, and deals with what becomes of
 * it - results, errors, time-outs, cancellation, losses.
 *
 * What happens in one turn is followed by one round, a microtask later, in which everything that can be assigned is.
 * So calls made in one go compete by their priority, and who awaited a result has a word before its place is given away.
 */
export class TaskHandler implements Assigner, AttemptOwner, EmploymentOwner, TaskOwner {
  readonly scheduler = new Scheduler();
  /** Whether tasks that fail are run again; not while the queue ends. */
  isRetrying = true;
  recruiter: Recruiter | null = null;
  /** Whether there are workers, and every one of them would get a closure by its source. */
  sendsClosures = false;
  /** Tasks that workers hold ahead of their turn. */
  held = 0;
  /** Tasks that wait to be run again after a delay. */
  delayed = 0;
  /** Tasks that have started. */
  pending = 0;
  /** Iterations that go on. */
  iterationCount = 0;

  readonly #host: HandlerHost;
  readonly #employments = new Map<number, Employment>();
  readonly #updates = new Updates();
  readonly #keepAlive = new KeepAlive();
  readonly #signals = new Signals();
  readonly #delayedTasks = new Set<Task>();
  /** Kinds of workers that may be hired. */
  readonly #announced = new Set<string>();
  readonly #nesting = new Nesting();
  /** Tasks whose iterator a consumer reads. */
  readonly #feeding = new Set<Task>();
  /** Series that nobody may serve and that were told of. */
  readonly #stalled = new Set<unknown>();
  readonly #starts = new Set<Promise<Employment>>();
  #workerCount = 0;
  /** What goes on besides tasks: updates, workers that come or go. */
  #occupations = 0;
  #isRoundPlanned = false;
  #roundCount = 0;
  #isDispatching = false;
  /** Tasks whose 'queued' is still to be told, as nobody is told anything inside `call()`. */
  readonly #unannounced: Task[] = [];
  /** How many of them have been told of. */
  #told = 0;
  /** Workers with a place that became free during the dispatch. */
  readonly #vacated: Employment[] = [];
  #mayStall = false;
  #rateTimer: NodeJS.Timeout | undefined;

  constructor(host: HandlerHost) {
    this.#host = host;
  }

  /** Tasks that have not started. */
  get waiting(): number {
    return this.scheduler.size + this.held + this.delayed;
  }

  waitingOf(series: unknown): number {
    if (this.held + this.delayed === 0) return this.scheduler.sizeOf(series);
    return [...this.tasks((task) => isSameKey(task.series, series) && task.phase < RUNNING)].length;
  }

  pendingOf(series: unknown): number {
    let pending = 0;
    for (const { attempts } of this.#employments.values()) {
      for (const { isCurrent, isStarted, crew, task } of attempts) {
        if (isCurrent && isStarted && crew !== null && isSameKey(task.series, series)) pending++;
      }
    }
    return pending;
  }

  // --- tasks --------------------------------------------------------------------------------------------------------

  submit(task: Task, band: Band, requirement: Requirement): void {
    this.scheduler.add(task, task.series, band, requirement);
    const { signal } = task.settings;
    if (signal !== undefined) this.#signals.add(signal, task);
    const caller = currentSource();
    if (caller instanceof Attempt && caller.owner === this) this.#nesting.called(task, caller.task);
    if (this.#host.listenerCount('queued') > 0) this.#unannounced.push(task);
    if (!this.scheduler.isServed(task)) this.#mayStall = true;
    // What workers hold must not start before it.
    if (band === DO_NEXT && this.held > 0) this.#recallAll((attempt) => attempt.employment.serves(task.series));
    this.planRound();
  }

  cancel(task: Task, reason: unknown): boolean {
    const cause = reason === undefined ? undefined : { cause: reason };
    return this.#cancel(task, new TaskCancelledError(`The task ${task.id} was cancelled`, cause), reason);
  }

  abort(task: Task, reason: unknown): void {
    this.#cancel(task, reason, reason);
  }

  renice(task: Task, niceness: number): boolean {
    if (task.phase === HELD) {
      const attempt = task.attempt as Attempt;
      this.#recall(attempt, () => this.scheduler.renice(task, niceness));
      return !attempt.isStarted;
    }
    if (task.phase === QUEUED) {
      this.scheduler.renice(task, niceness);
      this.planRound();
    } else if (task.phase === DELAYED) {
      task.niceness = niceness;
    }
    return task.phase < RUNNING;
  }

  guard(call: () => void): void {
    this.#host.guard(call);
  }

  /** All unsettled tasks, of one series or of all. */
  *tasks(filter: (task: Task) => boolean = () => true): IterableIterator<Task> {
    const found: Task[] = [];
    // The scheduler's jobs are tasks: nothing else is ever added to it.
    for (const job of this.scheduler.jobs()) found.push(job as unknown as Task);
    found.push(...this.#delayedTasks, ...this.#feeding);
    for (const { attempts } of this.#employments.values()) {
      for (const attempt of attempts) if (attempt.isCurrent && attempt.crew !== null) found.push(attempt.task);
    }
    for (const task of found) if (filter(task)) yield task;
  }

  isMetered(job: Job): boolean {
    return this.scheduler.isMetered(job);
  }

  pause(): void {
    this.scheduler.isPaused = true;
    this.#recallAll(() => true);
    this.planRound();
  }

  resume(): void {
    this.scheduler.isPaused = false;
    this.planRound();
  }

  limit(rule: LimitRule | null): void {
    this.#recallAll(() => true);
    this.scheduler.limit(rule);
    this.planRound();
  }

  limitSeries(series: unknown, rule: LimitRule | null): void {
    this.#recallAll((attempt) => isSameKey(attempt.task.series, series));
    this.scheduler.limitSeries(series, rule);
    this.planRound();
  }

  // --- rounds -------------------------------------------------------------------------------------------------------

  planRound(): void {
    if (this.#isRoundPlanned) return;
    this.#isRoundPlanned = true;
    // Tasks in the main thread may follow each other in microtasks for long; everybody else must have a turn, too.
    if (++this.#roundCount % ROUNDS_IN_A_ROW === 0) setImmediate(this.#round);
    else queueMicrotask(this.#round);
  }

  readonly #round = (): void => {
    this.#isRoundPlanned = false;
    this.#announce();
    const { scheduler } = this;
    this.#isDispatching = true;
    scheduler.dispatch(now(), this);
    this.#isDispatching = false;
    for (const employment of this.#vacated.splice(0)) this.#vacate(employment);
    if (scheduler.servable === 0 && this.held > 0) this.#spread();
    this.recruiter?.roundEnded(scheduler.servable > 0 && !scheduler.isPaused);
    this.#planRelease();
    if (this.#mayStall) this.#tellStalled();
    if (!this.#nesting.isEmpty) this.#tellDeadlocks();
    this.#keepAlive.set(
      this.pending > 0 ||
        this.held > 0 ||
        this.delayed > 0 ||
        this.#occupations > 0 ||
        (scheduler.servable > 0 && !scheduler.isPaused),
    );
    this.#host.roundEnded();
  };

  assign(job: Job, seat: Seat): void {
    // Both come from this handler: it adds nothing but tasks, and seats nobody but employments.
    this.held++;
    this.#begin(new Attempt(job as unknown as Task, seat as Employment, this, seat.crew));
  }

  #begin(attempt: Attempt): void {
    const { task, employment } = attempt;
    task.attempt = attempt;
    task.phase = HELD;
    employment.add(attempt);
    try {
      employment.worker.run(attempt);
    } catch (error) {
      attempt.fail(error);
    }
  }

  /** Tells what waits, before anything else is told of it. */
  #announce(): void {
    // Listeners may submit more, or have the rest told in between.
    while (this.#told < this.#unannounced.length) {
      this.#host.emit('queued', this.#unannounced[this.#told++] as Task);
    }
    this.#unannounced.length = 0;
    this.#told = 0;
  }

  /** Workers without anything to do take over half of what others hold. */
  #spread(): void {
    for (const idle of this.#employments.values()) {
      if (!idle.isOpen || idle.load >= idle.concurrency) continue;
      for (const { attempts, load, concurrency } of this.#employments.values()) {
        // What has a place of its own is about to start, even if its worker has not said so yet.
        const surplus = load - concurrency;
        if (surplus <= 0) continue;
        const held = attempts.filter(
          (attempt) => !attempt.isStarted && !attempt.isRecalled && idle.mayRun(attempt.task),
        );
        held.sort((a, b) => b.task.place - a.task.place);
        const count = Math.ceil(Math.min(held.length, surplus) / 2);
        for (const attempt of held.slice(0, count)) this.#recall(attempt);
      }
    }
  }

  /** A round when a rate limit lifts. It alone does not keep the program alive: what waits for it does. */
  #planRelease(): void {
    clearTimeout(this.#rateTimer);
    const { dueAt } = this.scheduler;
    if (dueAt === Number.POSITIVE_INFINITY) return;
    this.#rateTimer = setTimeout(() => this.planRound(), Math.max(0, Math.ceil(dueAt - now())));
    this.#rateTimer.unref();
  }

  #tellStalled(): void {
    this.#mayStall = false;
    const unserved = new Set(this.scheduler.unserved());
    for (const series of this.#stalled) if (!unserved.has(series)) this.#stalled.delete(series);
    for (const series of unserved) {
      if (this.#stalled.has(series)) continue;
      this.#stalled.add(series);
      this.#host.emit('stalled', series, 'unserved', []);
    }
  }

  #tellDeadlocks(): void {
    // Workers that could still be hired would resolve it.
    if (this.recruiter?.vacancy) return;
    for (const { task, holders } of this.#nesting.deadlocks(this.#employments.values())) {
      this.#host.emit(
        'stalled',
        task.series,
        'deadlock',
        holders.map(({ id }) => id),
      );
    }
  }

  // --- what becomes of attempts -------------------------------------------------------------------------------------

  attemptStarted(attempt: Attempt): void {
    const { task } = attempt;
    if (!attempt.isCurrent) return;
    task.phase = RUNNING;
    task.attempts = attempt.attempt;
    if (attempt.crew === null) return;
    this.held--;
    this.pending++;
    this.#nesting.leave(task);
    const { timeout } = task.settings;
    if (timeout !== Number.POSITIVE_INFINITY) {
      attempt.timer = setTimeout(() => this.#timedOut(attempt), timeout);
    }
    // It may have been called by a task that began a moment ago.
    this.#announce();
    if (attempt.isCurrent) this.#host.emit('started', task);
  }

  attemptProgressed(attempt: Attempt, progress: unknown): void {
    attempt.task.progressed(progress);
    if (attempt.crew !== null) this.#host.emit('progress', attempt.task, progress);
  }

  attemptDone(attempt: Attempt, value: unknown): void {
    const { task } = attempt;
    this.#end(attempt);
    if (!attempt.isCurrent) this.#drop(attempt);
    else if (attempt.isTimedOut) this.#retry(attempt, 'timeout', this.#timeoutError(task));
    else if (task.settings.consumer === undefined) this.#finish(attempt, DONE, value);
    else void this.#feed(attempt, nothing());
  }

  attemptIterates(attempt: Attempt, source: ItemSource): void {
    const { task, employment } = attempt;
    const { signal, consumer } = task.settings;
    this.#end(attempt);
    if (!attempt.isCurrent || attempt.isTimedOut || attempt.crew === null) {
      source.close().catch(() => {});
      if (!attempt.isCurrent) this.#drop(attempt);
      else if (attempt.isTimedOut) this.#retry(attempt, 'timeout', this.#timeoutError(task));
      else this.#finish(attempt, FAILED, new TypeError('An update returned an iterator, which nobody could read'));
      return;
    }
    const iteration = this.#iteration(source, employment, consumer !== undefined, signal);
    if (consumer === undefined) {
      this.#finish(attempt, DONE, new TaskIterator(iteration));
      if (signal !== undefined) this.#signals.add(signal, iteration);
      attempt.release();
    } else {
      attempt.iteration = iteration;
      void this.#feed(attempt, new TaskIterator(iteration));
    }
  }

  #iteration(source: ItemSource, employment: Employment, isFed: boolean, signal: AbortSignal | undefined): Iteration {
    const occupy = <T>(work: Promise<T>) => this.occupy(work);
    const iterationEnded = (iteration: Iteration) => {
      this.iterationCount--;
      employment.iterationEnded(iteration);
      this.scheduler.touch(employment);
      if (signal !== undefined) this.#signals.remove(signal, iteration);
    };
    const iteration = new Iteration(source, { occupy, iterationEnded }, isFed);
    this.iterationCount++;
    employment.iterationBegins(iteration);
    this.scheduler.touch(employment);
    return iteration;
  }

  /** The task's consumer reads what there is to read; the task, whose place is free by now, ends with it. */
  async #feed(attempt: Attempt, items: AsyncIterable<unknown>): Promise<void> {
    const { task } = attempt;
    const consumer = task.settings.consumer as Consumer;
    this.scheduler.finish(task);
    this.#feeding.add(task);
    const outcome = await feed(items, consumer).then(
      () => ({ isError: false, error: undefined }),
      (error: unknown) => ({ isError: true, error }),
    );
    // Cancelled meanwhile: then it has settled.
    if (!this.#feeding.has(task)) return;
    if (outcome.isError) this.#settle(task, FAILED, outcome.error, now());
    else this.#settle(task, DONE, consumer, now());
    this.planRound();
  }

  attemptFailed(attempt: Attempt, error: unknown): void {
    const { task } = attempt;
    this.#end(attempt);
    if (!attempt.isCurrent) this.#drop(attempt);
    else if (attempt.isTimedOut) this.#retry(attempt, 'timeout', this.#timeoutError(task));
    else if (error instanceof NotPortableError) this.#finish(attempt, FAILED, error);
    else this.#retry(attempt, 'error', error);
  }

  /** The worker is rid of the attempt. */
  #end(attempt: Attempt): void {
    const { employment } = attempt;
    attempt.hasEnded = true;
    clearTimeout(attempt.timer);
    employment.remove(attempt);
    this.planRound();
    if (attempt.crew === null) return;
    if (employment.load === 1) employment.idleSince = attempt.endedAt || now();
    // What ends while it is being assigned frees its place for the next round, so that no worker gets it all.
    if (this.#isDispatching) this.#vacated.push(employment);
    else this.#vacate(employment);
  }

  #vacate(employment: Employment): void {
    employment.load--;
    this.scheduler.touch(employment);
  }

  /** The attempt's task has ended before it. */
  #drop(attempt: Attempt): void {
    if (attempt.crew !== null) this.scheduler.finish(attempt.task);
  }

  /** The task ends with its attempt. */
  #finish(attempt: Attempt, phase: typeof DONE | typeof FAILED | typeof CANCELLED, outcome: unknown): void {
    const { task } = attempt;
    const at = attempt.endedAt || now();
    if (attempt.crew === null) {
      task.settle(phase, outcome, at);
      attempt.employment.progressed();
    } else {
      this.scheduler.finish(task);
      this.#settle(task, phase, outcome, at);
    }
  }

  /** The attempt never began: its task returns to its place in the queue. */
  #giveBack(attempt: Attempt): void {
    const { task } = attempt;
    this.#end(attempt);
    if (attempt.crew === null) return;
    if (!attempt.isCurrent) {
      this.scheduler.giveBack(task, attempt.crew);
      this.scheduler.remove(task);
      return;
    }
    if (task.phase === RUNNING) {
      task.attempts--;
      this.pending--;
    } else {
      this.held--;
    }
    task.phase = QUEUED;
    task.attempt = null;
    this.scheduler.giveBack(task, attempt.crew);
  }

  /** The attempt failed: its task is run again as often as it may be, and then fails with `error`. */
  #retry(attempt: Attempt, what: 'lost' | 'timeout' | 'error', error: unknown): void {
    const { task } = attempt;
    const { retry, transfer } = task.settings;
    const { retries } = task.extras;
    if (
      attempt.crew === null ||
      !this.isRetrying ||
      transfer.length > 0 ||
      !this.#mayRetry(retry[what], retries[what], error, attempt.attempt)
    ) {
      this.#finish(attempt, FAILED, error);
      return;
    }
    retries[what]++;
    this.#host.emit('retry', task, error);
    const delay = this.#delayOf(retry, attempt.attempt);
    // The listener may have cancelled it.
    if (task.isSettled) this.#drop(attempt);
    else this.#requeue(attempt, delay);
  }

  #mayRetry(
    limit: number | ((error: unknown, attempt: number) => boolean),
    count: number,
    error: unknown,
    attempt: number,
  ): boolean {
    if (typeof limit === 'number') return count < limit;
    let mayRetry = false;
    this.#host.guard(() => {
      mayRetry = limit(error, attempt);
    });
    return mayRetry;
  }

  #delayOf({ delay }: RetryPolicy, attempt: number): number {
    if (typeof delay === 'number') return delay;
    let result = 0;
    this.#host.guard(() => {
      result = checkDuration('retry.delay(attempt)', delay(attempt), { zero: true });
    });
    return result;
  }

  #requeue(attempt: Attempt, delay: number): void {
    const { task } = attempt;
    this.pending--;
    if (delay === 0) {
      task.phase = QUEUED;
      this.scheduler.repeat(task);
      return;
    }
    task.phase = DELAYED;
    this.delayed++;
    this.#delayedTasks.add(task);
    this.scheduler.finish(task);
    task.extras.delay = setTimeout(() => {
      this.#undelay(task);
      task.phase = QUEUED;
      this.scheduler.addAgain(task);
      this.planRound();
    }, delay);
  }

  #undelay(task: Task): void {
    clearTimeout(task.extras.delay);
    this.delayed--;
    this.#delayedTasks.delete(task);
  }

  #settle(task: Task, phase: typeof DONE | typeof FAILED | typeof CANCELLED, outcome: unknown, at: number): void {
    if (task.phase === RUNNING) this.pending--;
    else if (task.phase === HELD) this.held--;
    else if (task.phase === DELAYED) this.#undelay(task);
    this.#nesting.leave(task);
    const { signal, consumer } = task.settings;
    if (signal !== undefined) this.#signals.remove(signal, task);
    // A consumer that is being fed is told by the iteration's end.
    const isFed = this.#feeding.delete(task);
    if (consumer !== undefined && phase !== DONE && !isFed) void abortConsumer(consumer, outcome);
    task.settle(phase, outcome, at);
    task.attempt?.employment.progressed();
    this.#host.settled(task, outcome);
  }

  #timeoutError(task: Task): TaskTimeoutError {
    return new TaskTimeoutError(task.settings.timeout, task.attempts);
  }

  #timedOut(attempt: Attempt): void {
    const { task, employment } = attempt;
    const error = this.#timeoutError(task);
    const { retry } = task.settings;
    attempt.isTimedOut = true;
    // Where the body can't be stopped, waiting for its end would be waiting without a limit.
    const isFinal =
      employment.worker.cancel === undefined || !this.isRetrying || task.extras.retries.timeout >= retry.timeout;
    if (isFinal) this.#settle(task, FAILED, error, now());
    attempt.abort(error);
    this.planRound();
  }

  #cancel(task: Task, error: unknown, reason: unknown): boolean {
    this.#announce();
    if (task.isSettled) return false;
    const { phase, attempt } = task;
    if (phase === QUEUED) this.scheduler.remove(task);
    this.#settle(task, CANCELLED, error, now());
    this.planRound();
    attempt?.iteration?.abort(error);
    if (attempt === null || attempt.hasEnded) return true;
    if (phase === HELD) {
      this.#recall(attempt, undefined, () => attempt.abort(reason ?? error));
    } else {
      clearTimeout(attempt.timer);
      attempt.abort(reason ?? error);
    }
    return true;
  }

  // --- taking back --------------------------------------------------------------------------------------------------

  #recallAll(filter: (attempt: Attempt) => boolean): void {
    if (this.held === 0) return;
    for (const { attempts } of this.#employments.values()) {
      for (const attempt of attempts.filter((attempt) => !attempt.isStarted && filter(attempt))) this.#recall(attempt);
    }
  }

  /** Takes an attempt back that has not started: its task returns to its place. */
  #recall(attempt: Attempt, onReturn?: () => void, onStarted?: () => void): void {
    const settle = (isGivenBack: boolean) => {
      attempt.isRecalled = false;
      if (attempt.hasEnded) return;
      if (!isGivenBack) {
        onStarted?.();
        return;
      }
      this.#giveBack(attempt);
      if (attempt.task.phase === QUEUED) onReturn?.();
    };
    attempt.isRecalled = true;
    const answer = attempt.employment.worker.recall?.(attempt) ?? false;
    if (typeof answer === 'boolean') settle(answer);
    else void answer.then(settle, () => settle(false));
  }

  // --- workers ------------------------------------------------------------------------------------------------------

  /** Keeps the program alive until `work` has settled. */
  async occupy<T>(work: Promise<T>): Promise<T> {
    this.#occupations++;
    this.planRound();
    try {
      return await work;
    } finally {
      this.#occupations--;
      this.planRound();
    }
  }

  /** Hires a worker. Resolves with its employment when it takes tasks. */
  hire(worker: IWorker): Promise<Employment> {
    const employment = new Employment(++this.#workerCount, worker, this);
    worker.id = employment.id;
    this.#employments.set(employment.id, employment);
    this.#join(employment);
    const start = this.#start(employment).finally(() => this.#starts.delete(start));
    this.#starts.add(start);
    return this.occupy(start);
  }

  async #start(employment: Employment): Promise<Employment> {
    const { worker } = employment;
    try {
      await worker.start(employment);
      await this.#prepare(employment, employment.qualification, () => this.#open(employment));
      if (employment.isLeaving) throw new WorkerStartError('The worker was detached before it had started');
    } catch (error) {
      this.#employments.delete(employment.id);
      this.#leave(employment);
      this.recruiter?.departed(worker);
      worker.crash();
      throw error;
    }
    this.#host.emit('workerAttached', worker);
    return employment;
  }

  /** All workers, or those that serve a series. */
  roster(...series: [series?: unknown]): IWorker[] {
    const all = [...this.#employments.values()];
    const serving = series.length === 0 ? all : all.filter((employment) => employment.serves(series[0]));
    return serving.map(({ worker }) => worker);
  }

  employment(workerOrId: IWorker | number): Employment | undefined {
    const id = typeof workerOrId === 'number' ? workerOrId : workerOrId.id;
    const employment = id === undefined ? undefined : this.#employments.get(id);
    return typeof workerOrId === 'number' || employment?.worker === workerOrId ? employment : undefined;
  }

  get employments(): IterableIterator<Employment> {
    return this.#employments.values();
  }

  /** Sum of what attached workers run at a time. */
  get capacity(): number {
    let capacity = 0;
    for (const { isLeaving, concurrency } of this.#employments.values()) if (!isLeaving) capacity += concurrency;
    return capacity;
  }

  /**
   * Dismisses a worker. Resolves when it has ended, with the tasks it leaves unfinished, unless they are reassigned.
   */
  terminate(employment: Employment, options: DetachOptions = {}): Promise<Task[]> {
    return this.occupy(this.#dismiss(employment, options));
  }

  async #dismiss(
    employment: Employment,
    { reassign = true, crash = false, timeout = Number.POSITIVE_INFINITY }: DetachOptions,
  ): Promise<Task[]> {
    if (employment.isLeaving && !crash) return [];
    employment.isLeaving = true;
    this.#leave(employment);
    for (const attempt of employment.attempts.filter(({ isStarted }) => !isStarted)) this.#recall(attempt);
    let isFinished = false;
    if (!crash) {
      isFinished = await within(timeout, this.#stop(employment));
    }
    if (!isFinished) employment.worker.crash();
    const left = this.#takeAll(employment, reassign);
    if (this.#employments.delete(employment.id)) {
      this.recruiter?.departed(employment.worker);
      this.#host.emit('workerDetached', employment.worker);
    }
    return left;
  }

  async #stop(employment: Employment): Promise<void> {
    await employment.finished();
    await employment.iterated();
    await employment.worker.stop();
  }

  /** Takes everything from a worker that is gone. What it leaves is queued again or cancelled and returned. */
  #takeAll(employment: Employment, reassign: boolean): Task[] {
    const left: Task[] = [];
    for (const iteration of employment.iterations) iteration.lost(new WorkerLostError('The worker was detached'));
    for (const attempt of [...employment.attempts]) {
      const { task } = attempt;
      if (attempt.crew === null) {
        attempt.fail(new WorkerLostError('The worker was detached while it ran an update'));
      } else if (!attempt.isCurrent) {
        this.#end(attempt);
        this.#drop(attempt);
      } else if (!reassign || (attempt.isStarted && task.settings.transfer.length > 0)) {
        this.#end(attempt);
        this.#finish(
          attempt,
          CANCELLED,
          new TaskCancelledError(`The worker that had the task ${task.id} was detached`),
        );
        left.push(task);
      } else if (attempt.isStarted) {
        this.#end(attempt);
        this.#requeue(attempt, 0);
      } else {
        this.#giveBack(attempt);
      }
    }
    return left;
  }

  /** The worker serves one more series, after the updates kept for it. */
  async qualify(employment: Employment, series: unknown): Promise<void> {
    if (employment.serves(series)) return;
    await this.#prepare(employment, new Set(employment.qualification).add(series), () => {
      employment.qualification = new Set(employment.qualification).add(series);
      const { isOpen } = employment;
      this.#leave(employment);
      this.#join(employment);
      if (isOpen) this.#open(employment);
    });
  }

  /** The worker runs more or fewer tasks at a time than before. */
  capacityChanged(worker: IWorker): void {
    const employment = this.employment(worker);
    if (employment === undefined) return;
    this.scheduler.touch(employment);
    this.planRound();
  }

  /** Fails everything that waits for a worker of this crew and kind and of no other. */
  fail(crew: Crew, kind: string, error: Error): void {
    for (const task of this.tasks(({ phase }) => phase === QUEUED)) {
      const lane = task.lane as Lane;
      if (!crew.serves(task.series) || !lane.acceptance.accepts(kind)) continue;
      this.scheduler.remove(task);
      this.#settle(task, FAILED, error, now());
    }
    this.planRound();
  }

  /** Another crew whose workers are to be hired when there is something for them. */
  announce(kind: string, qualification: ReadonlySet<unknown> | null): Crew {
    const crew = this.scheduler.crew(qualification);
    this.scheduler.join(crew, kind);
    this.#announced.add(kind);
    this.#rosterChanged();
    return crew;
  }

  /** The worker counts among those that serve its series from now on; what it serves is given to it once it is open. */
  #join(employment: Employment): void {
    employment.crew = this.scheduler.crew(employment.qualification);
    this.scheduler.join(employment.crew, employment.kind);
    this.#rosterChanged();
  }

  #leave(employment: Employment): void {
    const { crew } = employment;
    if (crew === null) return;
    this.scheduler.close(employment);
    this.scheduler.leave(crew, employment.kind);
    employment.crew = null;
    this.#rosterChanged();
  }

  #open(employment: Employment): void {
    this.scheduler.open(employment, employment.crew as Crew);
    employment.idleSince = now();
    employment.measure();
    this.planRound();
  }

  #rosterChanged(): void {
    const kinds = new Set(this.#announced);
    for (const { kind, crew } of this.#employments.values()) if (crew !== null) kinds.add(kind);
    this.sendsClosures = kinds.size > 0 && [...kinds].every((kind) => BY_SOURCE.has(kind));
    this.#mayStall = true;
    this.planRound();
  }

  // --- updates ------------------------------------------------------------------------------------------------------

  /** Runs an update on every worker it is meant for and, unless it is ephemeral, on those to come. */
  async update(update: KeptUpdate, isEphemeral: boolean): Promise<unknown[]> {
    // Those that are just starting count as present.
    await Promise.allSettled(this.#starts);
    if (!isEphemeral) this.#updates.keep(update);
    const runs: Promise<unknown>[] = [];
    for (const employment of this.#employments.values()) {
      // One that is being replaced gets it when it is ready.
      if (!employment.isOpen || (update.isForSeries && !employment.serves(update.series))) continue;
      employment.applied.add(update);
      runs.push(this.#runDirectly(update, employment));
    }
    const outcomes = await Promise.allSettled(runs);
    const errors = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
    if (errors.length > 0) {
      this.#updates.forget(update);
      throw new AggregateError(
        errors,
        `The update failed on ${errors.length} of ${runs.length} workers, so it is not kept`,
      );
    }
    return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value);
  }

  /**
   * Runs the kept updates that a worker with this qualification has not had, and then does what they were kept for:
   * in the same breath, so that none can be kept in between and missed.
   */
  async #prepare(employment: Employment, qualification: Employment['qualification'], then: () => void): Promise<void> {
    for (;;) {
      const update = this.#updates.next(qualification, employment.applied);
      if (update === undefined) break;
      employment.applied.add(update);
      await this.#runDirectly(update, employment);
    }
    if (!employment.isLeaving) then();
  }

  #runDirectly(update: KeptUpdate, employment: Employment): Promise<unknown> {
    const task = this.#host.directTask(update);
    const { promise } = task;
    this.#begin(new Attempt(task, employment, this, null));
    return this.occupy(promise);
  }

  // --- what workers say ---------------------------------------------------------------------------------------------

  workerLost(employment: Employment, error: WorkerLostError, unstarted: readonly Assignment[]): void {
    this.scheduler.close(employment);
    for (const attempt of [...employment.attempts]) {
      if (attempt.isCurrent && attempt.crew !== null && (!attempt.isStarted || unstarted.includes(attempt))) {
        this.#giveBack(attempt);
        continue;
      }
      this.#end(attempt);
      if (!attempt.isCurrent) this.#drop(attempt);
      else if (attempt.isTimedOut) this.#retry(attempt, 'timeout', this.#timeoutError(attempt.task));
      else this.#retry(attempt, 'lost', lossOf(error, attempt.task.attempts));
    }
    this.planRound();
  }

  workerPaused(employment: Employment): void {
    this.scheduler.close(employment);
    for (const attempt of employment.attempts.filter(({ isStarted }) => !isStarted)) this.#recall(attempt);
  }

  async workerReady(employment: Employment): Promise<void> {
    employment.applied.clear();
    await this.#prepare(employment, employment.qualification, () => {
      this.#open(employment);
      this.#host.emit('workerReplaced', employment.worker);
    });
  }

  workerResigned(employment: Employment, error: Error): void {
    employment.isLeaving = true;
    this.#leave(employment);
    this.#employments.delete(employment.id);
    this.#takeAll(employment, true);
    employment.worker.crash();
    this.recruiter?.departed(employment.worker);
    this.#host.emit('workerLost', employment.worker, error);
    this.planRound();
  }
}

/** The loss as the error of one task. */
function lossOf(error: WorkerLostError, attempts: number): WorkerLostError {
  const loss = new WorkerLostError(error.message, error);
  loss.attempts = attempts;
  return loss;
}

/** Whether `promise` resolves within `timeout` ms. */
async function within(timeout: number, promise: Promise<void>): Promise<boolean> {
  if (timeout === Number.POSITIVE_INFINITY) return promise.then(() => true);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeout);
  });
  try {
    return await Promise.race([promise.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}
