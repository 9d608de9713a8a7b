import { setImmediate } from 'node:timers';
import { now } from '../clock.js';
import { TaskTimeoutError } from '../errors.js';
import { abortConsumer, type Consumer, Feed } from '../iteration/feed.js';
import { type ItemSource, Iteration, TaskIterator } from '../iteration/iteration.js';
import { type CANCELLED, DELAYED, DONE, FAILED, HELD, QUEUED, RUNNING, type Task } from '../queue/task.js';
import type { Scheduler } from '../scheduling/scheduler.js';
import { soon } from '../soon.js';
import type { Announcements } from './announcements.js';
import type { Attempt } from './attempt.js';
import type { Employment } from './employment.js';
import type { HandlerHost } from './host.js';
import { Nesting } from './nesting.js';
import { delayAfter, type Failure, mayRetry } from './retry.js';
import type { Rounds } from './rounds.js';
import { Signals } from './signals.js';

/** How a task can end. */
type End = typeof DONE | typeof FAILED | typeof CANCELLED;

/**
 * Leads tasks through their phases - queued, held, running, delayed, and an end - and counts them.
 *
 * Invariant: `held`, `pending` and `delayed` are the numbers of scheduled tasks in the phases HELD, RUNNING and
 * DELAYED; a task that was submitted settles once, by `settle`, which takes it out of all that knows of it here.
 */
export class Lifecycle {
  /** Whether tasks that fail are run again; not while the queue ends. */
  isRetrying = true;
  /** Tasks that workers hold ahead of their turn. */
  held = 0;
  /** Tasks that have started. */
  pending = 0;
  /** Tasks that wait to be run again after a delay. */
  delayed = 0;
  /** Calls that tasks wait for. */
  readonly nesting = new Nesting();

  readonly #scheduler: Scheduler;
  readonly #host: HandlerHost;
  readonly #rounds: Rounds;
  readonly #announcements: Announcements;
  readonly #signals = new Signals();
  readonly #delayedTasks = new Set<Task>();
  /** Tasks whose attempt has failed, while the user's code says whether and when they are run again. */
  readonly #inDoubt = new Set<Task>();
  /** Of the tasks whose consumer is being fed. */
  readonly #feeds = new Map<Task, Feed>();

  constructor(scheduler: Scheduler, host: HandlerHost, rounds: Rounds, announcements: Announcements) {
    this.#scheduler = scheduler;
    this.#host = host;
    this.#rounds = rounds;
    this.#announcements = announcements;
  }

  /** Unsettled tasks that neither wait in the scheduler nor are in a worker's hands. */
  *elsewhere(): IterableIterator<Task> {
    yield* this.#delayedTasks;
    for (const task of this.#inDoubt) if (!task.isSettled) yield task;
    yield* this.#feeds.keys();
  }

  /** Ends a task that the queue does not take, and that nobody is told of: no user code runs inside `call()`. */
  refuse(task: Task, end: typeof FAILED | typeof CANCELLED, outcome: unknown): void {
    const { consumer } = task.settings;
    task.settle(end, outcome, task.queuedAt);
    if (consumer !== undefined) soon(() => abortConsumer(consumer, outcome));
  }

  submitted(task: Task): void {
    const { signal } = task.settings;
    if (signal !== undefined) this.#signals.add(signal, task);
  }

  assigned(task: Task): void {
    task.phase = HELD;
    this.held++;
  }

  started(attempt: Attempt): void {
    const { task } = attempt;
    task.phase = RUNNING;
    task.attempts++;
    if (attempt.isUpdate) return;
    this.held--;
    this.pending++;
    this.nesting.started(task);
    const { timeout } = task.settings;
    if (timeout !== Number.POSITIVE_INFINITY) attempt.extras.timer = setTimeout(() => this.#timeIsUp(attempt), timeout);
    // It may have been called by a task that began a moment ago.
    this.#announcements.tell();
    if (this.#host.heard.started && attempt.isCurrent) this.#host.emit('started', task.handle);
  }

  progressed(attempt: Attempt, progress: unknown): void {
    attempt.task.progressed(progress);
    if (!attempt.isUpdate) this.#host.emit('progress', attempt.task.handle, progress);
  }

  /** The task's attempt never began: it waits again. */
  returned(task: Task): void {
    if (task.phase === RUNNING) task.attempts--;
    this.#leavePhase(task);
    this.nesting.returned(task);
    task.phase = QUEUED;
    task.attempt = null;
  }

  /** The task has returned a value. */
  done(attempt: Attempt, value: unknown): void {
    if (attempt.task.settings.consumer === undefined) this.finish(attempt, DONE, value);
    else void this.#feed(attempt, null);
  }

  /** The task has returned an iterator. */
  iterates(attempt: Attempt, source: ItemSource): void {
    const { task, employment } = attempt;
    const { signal, consumer } = task.settings;
    if (attempt.isUpdate) {
      source.close().catch(() => {});
      this.finish(attempt, FAILED, new TypeError('An update returned an iterator, which nobody could read'));
      return;
    }
    attempt.extras.isIterating = true;
    const iteration = this.#iteration(source, employment, consumer !== undefined, signal);
    if (consumer === undefined) {
      // What makes the items may still report progress.
      task.keep();
      // Before the task leaves its signal, which a listener may abort when it hears that the task is done.
      if (signal !== undefined) this.#signals.add(signal, iteration);
      this.finish(attempt, DONE, new TaskIterator(iteration));
      attempt.release();
    } else {
      void this.#feed(attempt, new TaskIterator(iteration));
    }
  }

  /** The attempt failed: its task is run again as often as it may be, and then fails with `error`. */
  failed(attempt: Attempt, failure: Failure, error: unknown): void {
    const { task } = attempt;
    // Whoever is asked may look for it, above all to cancel it.
    this.#inDoubt.add(task);
    this.#decide(attempt, failure, error);
    this.#inDoubt.delete(task);
  }

  #decide(attempt: Attempt, failure: Failure, error: unknown): void {
    const { task } = attempt;
    const guard = (call: () => void) => this.#host.guard(call);
    // Whoever is asked may cancel it, or begin to end the queue.
    const isOver = () => attempt.isUpdate || !this.isRetrying || task.isSettled;
    let isWanted = false;
    let outcome = error;
    try {
      isWanted = !isOver() && mayRetry(task, failure, error, attempt.attempt, guard);
    } catch (refusal) {
      outcome = refusal;
    }
    if (!isWanted || isOver()) {
      this.finish(attempt, FAILED, outcome);
      return;
    }
    task.extras.retries[failure]++;
    this.#host.emit('retry', task.handle, error);
    const delay = delayAfter(task.settings.retry, attempt.attempt, guard);
    if (isOver()) this.finish(attempt, FAILED, error);
    else this.requeue(task, delay);
  }

  /** The task ends with its attempt. */
  finish(attempt: Attempt, end: End, outcome: unknown): void {
    const { task } = attempt;
    if (attempt.isUpdate) {
      task.settle(end, outcome, attempt.endedAt);
      attempt.employment.progressed();
    } else {
      this.#scheduler.finish(task);
      this.settle(task, end, outcome, attempt.endedAt);
    }
  }

  /** The task is to be run again, after `delay` ms. */
  requeue(task: Task, delay: number): void {
    this.#leavePhase(task);
    this.nesting.returned(task);
    if (delay === 0) {
      task.phase = QUEUED;
      this.#scheduler.repeat(task);
      return;
    }
    task.phase = DELAYED;
    this.delayed++;
    this.#delayedTasks.add(task);
    this.#scheduler.finish(task);
    task.extras.delay = setTimeout(() => {
      this.#undelay(task);
      task.phase = QUEUED;
      this.#scheduler.addAgain(task);
      this.#rounds.plan();
    }, delay);
  }

  /** Ends a task, unless it has ended: whoever was told of something a moment ago may have seen to that. */
  settle(task: Task, end: End, outcome: unknown, at: number): void {
    if (task.isSettled) return;
    this.#leavePhase(task);
    this.nesting.ended(task);
    const { signal, consumer } = task.settings;
    if (signal !== undefined) this.#signals.remove(signal, task);
    task.settle(end, outcome, at);
    if (consumer !== undefined) this.#leaveConsumer(task, consumer, outcome);
    task.attempt?.employment.progressed();
    this.#host.settled(task, outcome);
    task.forget();
  }

  /** Tells the consumer of a task that has settled, unless it has finished or failed itself. */
  #leaveConsumer(task: Task, consumer: Consumer, outcome: unknown): void {
    const feed = this.#feeds.get(task);
    this.#feeds.delete(task);
    if (task.phase === DONE) return;
    if (feed === undefined) abortConsumer(consumer, outcome);
    else feed.abort(outcome);
  }

  #leavePhase(task: Task): void {
    if (task.phase === RUNNING) this.pending--;
    else if (task.phase === HELD) this.held--;
    else if (task.phase === DELAYED) this.#undelay(task);
  }

  #undelay(task: Task): void {
    clearTimeout(task.extras.delay);
    this.delayed--;
    this.#delayedTasks.delete(task);
  }

  #timeIsUp(attempt: Attempt): void {
    // What can't be ended runs in this thread, and would have said so.
    if (attempt.employment.worker.cancel === undefined) {
      this.#timedOut(attempt);
      return;
    }
    // It may have ended in time, and this thread was too busy to hear of it: what it has to say is read first. That takes
    // a real turn, even if a test moves the timers by hand.
    attempt.extras.isDue = true;
    setImmediate(() => {
      if (!attempt.hasEnded && attempt.isCurrent) this.#timedOut(attempt);
    });
  }

  #timedOut(attempt: Attempt): void {
    const { task, employment } = attempt;
    const error = timeoutError(task);
    attempt.isTimedOut = true;
    // Where the body can't be stopped, waiting for its end would be waiting without a limit.
    const isFinal =
      employment.worker.cancel === undefined ||
      !this.isRetrying ||
      task.extras.retries.timeout >= task.settings.retry.timeout;
    if (isFinal) this.settle(task, FAILED, error, now());
    if (!attempt.hasEnded) attempt.abort(error);
    this.#rounds.plan();
  }

  // The closures must not know the task, which holds the iterator whose loss the iteration is to notice.
  #iteration(source: ItemSource, employment: Employment, isFed: boolean, signal: AbortSignal | undefined): Iteration {
    const occupy = <T>(work: Promise<T>) => this.#rounds.occupy(work);
    const iterationEnded = (iteration: Iteration) => {
      employment.iterationEnded(iteration);
      this.#scheduler.touch(employment);
      if (signal !== undefined) this.#signals.remove(signal, iteration);
    };
    const iteration = new Iteration(source, { occupy, iterationEnded }, isFed);
    employment.iterationBegins(iteration);
    this.#scheduler.touch(employment);
    return iteration;
  }

  /** The task's consumer reads what there is to read; the task, whose place is free by now, ends with it. */
  async #feed({ task }: Attempt, items: TaskIterator | null): Promise<void> {
    const consumer = task.settings.consumer as Consumer;
    this.#scheduler.finish(task);
    const feed = new Feed(items, consumer);
    this.#feeds.set(task, feed);
    const outcome = await feed.run().then(
      () => ({ isError: false, error: undefined }),
      (error: unknown) => ({ isError: true, error }),
    );
    // Cancelled meanwhile: then it has settled.
    if (!this.#feeds.has(task)) return;
    if (outcome.isError) this.settle(task, FAILED, outcome.error, now());
    else this.settle(task, DONE, consumer, now());
    this.#rounds.plan();
  }
}

export function timeoutError(task: Task): TaskTimeoutError {
  return new TaskTimeoutError(task.settings.timeout, task.attempts);
}
