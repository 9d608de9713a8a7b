import { now } from '../clock.js';
import { isNiceqError, TaskCancelledError, WorkerLostError } from '../errors.js';
import type { ItemSource } from '../iteration/iteration.js';
import { CANCELLED, DONE, FAILED, HELD, QUEUED, type Task } from '../queue/task.js';
import type { Crew } from '../scheduling/crew.js';
import type { Job } from '../scheduling/job.js';
import type { Assigner, Scheduler } from '../scheduling/scheduler.js';
import type { Seat } from '../scheduling/seat.js';
import type { Assignment } from '../workers/worker.js';
import { Attempt, type AttemptOwner } from './attempt.js';
import type { Employment } from './employment.js';
import { type Lifecycle, timeoutError } from './lifecycle.js';
import type { Rounds } from './rounds.js';

/**
 * What workers have in hand: begins attempts, takes back those that have not started, and sees to it that each ends
 * once - by itself, or with its worker.
 */
export class Attempts implements Assigner, AttemptOwner {
  readonly #scheduler: Scheduler;
  readonly #lifecycle: Lifecycle;
  readonly #rounds: Rounds;
  #isDispatching = false;
  /** Workers with a place that became free during the dispatch. */
  readonly #vacated: Employment[] = [];

  constructor(scheduler: Scheduler, lifecycle: Lifecycle, rounds: Rounds) {
    this.#scheduler = scheduler;
    this.#lifecycle = lifecycle;
    this.#rounds = rounds;
  }

  // --- giving and taking back ---------------------------------------------------------------------------------------

  /** Hands out all that can be handed out. */
  dispatch(): void {
    this.#isDispatching = true;
    try {
      this.#scheduler.dispatch(now, this);
    } finally {
      this.#isDispatching = false;
    }
    for (const employment of this.#vacated.splice(0)) this.#vacate(employment);
  }

  assign(job: Job, seat: Seat): void {
    // Both come from the handler, which adds nothing but tasks, and seats nobody but employments.
    const task = job as unknown as Task;
    this.#lifecycle.assigned(task);
    this.#begin(new Attempt(task, seat as Employment, this, seat.crew));
  }

  /** Runs a task on a worker at once, past the scheduler: an update. */
  runDirectly(task: Task, employment: Employment, keepAs: string | null): void {
    task.phase = HELD;
    this.#begin(new Attempt(task, employment, this, null, keepAs));
  }

  /**
   * V8 throws away the code it has optimized for a class when the last object of the class is collected. With a queue
   * that has nothing to do for a while that happens to tasks and attempts, and the next thousand take several times as
   * long. So each worker keeps one of either, which has been through what the others go through.
   */
  pin(task: Task, employment: Employment): void {
    const attempt = new Attempt(task, employment, this, null);
    attempt.startedAt = now();
    attempt.endedAt = attempt.startedAt;
    task.attempt = attempt;
    void task.promise;
    task.settle(DONE, undefined, attempt.endedAt);
    employment.pinned = attempt;
  }

  /**
   * Takes an attempt back that has not started: its task returns to its place. Returns false if that was refused at
   * once; a worker may also take its time to answer.
   */
  recall(attempt: Attempt, onReturn?: () => void, onStarted?: () => void): boolean {
    const settle = (isGivenBack: boolean) => {
      attempt.isRecalled = false;
      if (!isGivenBack && !attempt.hasEnded) {
        onStarted?.();
        return;
      }
      // Several may ask for the same one: to each of them it has returned.
      if (!attempt.hasEnded) this.#giveBack(attempt);
      if (attempt.task.phase === QUEUED) onReturn?.();
    };
    attempt.isRecalled = true;
    const answer = attempt.employment.recall(attempt);
    if (typeof answer === 'boolean') settle(answer);
    else void answer.then(settle, () => settle(false));
    return answer !== false;
  }

  /** Takes back what the worker holds ahead of its turn. */
  recallFrom(employment: Employment, filter: (attempt: Attempt) => boolean = () => true): void {
    for (const attempt of heldBy(employment, filter)) this.recall(attempt);
  }

  /** Workers without anything to do take over half of what others hold. */
  spread(employments: readonly Employment[]): void {
    for (const idle of employments) {
      if (!idle.isOpen || idle.load >= idle.concurrency) continue;
      for (const employment of employments) {
        // What has a place of its own is about to start, even if its worker has not said so yet.
        const surplus = employment.load - employment.concurrency;
        if (surplus <= 0) continue;
        const held = heldBy(employment, ({ isRecalled, task }) => !isRecalled && idle.mayRun(task));
        const count = Math.ceil(Math.min(held.length, surplus) / 2);
        for (const attempt of held.slice(0, count)) this.recall(attempt);
      }
    }
  }

  /** Takes everything from a worker that is gone. What it leaves is queued again, or cancelled and returned. */
  takeAll(employment: Employment, reassign: boolean): Task[] {
    const loss = new WorkerLostError('The worker was detached');
    for (const iteration of employment.iterations) iteration.lost(loss);
    const left = reassign ? [] : this.#cancelAll(employment);
    this.#takeBack(employment, loss, [], true);
    return left;
  }

  /** What the worker ran tasks on has died. Those it had begun are lost; the others return to their places. */
  lost(employment: Employment, error: WorkerLostError, unstarted: readonly Assignment[]): void {
    this.#takeBack(employment, error, unstarted, false);
  }

  // --- what becomes of attempts -------------------------------------------------------------------------------------

  attemptStarted(attempt: Attempt): void {
    if (attempt.isCurrent) this.#lifecycle.started(attempt);
  }

  attemptProgressed(attempt: Attempt, progress: unknown): void {
    this.#lifecycle.progressed(attempt, progress);
  }

  attemptDone(attempt: Attempt, value: unknown): void {
    if (this.#counts(attempt)) this.#lifecycle.done(attempt, value);
    this.#rounds.plan();
  }

  attemptIterates(attempt: Attempt, source: ItemSource): void {
    if (this.#counts(attempt)) this.#lifecycle.iterates(attempt, source);
    else source.close().catch(() => {});
    this.#rounds.plan();
  }

  attemptFailed(attempt: Attempt, error: unknown): void {
    if (this.#counts(attempt)) {
      if (isNiceqError(error, 'ERR_NOT_PORTABLE')) this.#lifecycle.finish(attempt, FAILED, error);
      else this.#lifecycle.failed(attempt, 'error', error);
    }
    this.#rounds.plan();
  }

  attemptLost(attempt: Attempt, error: WorkerLostError): void {
    if (this.#counts(attempt)) this.#lifecycle.failed(attempt, 'lost', lossOf(error, attempt.task));
    this.#rounds.plan();
  }

  // --- within -------------------------------------------------------------------------------------------------------

  #begin(attempt: Attempt): void {
    const { task, employment } = attempt;
    task.attempt = attempt;
    employment.add(attempt);
    try {
      employment.worker.run(attempt);
    } catch (error) {
      attempt.fail(error);
    }
  }

  /** Cancels what the worker has in hand, and returns it. */
  #cancelAll({ attempts }: Employment): Task[] {
    const cancelled: Task[] = [];
    for (const attempt of [...attempts]) {
      // Whoever heard of the others may have ended it.
      if (attempt.hasEnded || attempt.isUpdate || !attempt.isCurrent) continue;
      const { task } = attempt;
      const error = new TaskCancelledError(`The worker that had the task ${task.id} was detached`);
      this.#lifecycle.settle(task, CANCELLED, error, now());
      cancelled.push(task);
    }
    return cancelled;
  }

  /**
   * Takes from a worker what it will not end itself. What never began, as far as this side knows and by `unstarted`,
   * returns to its place; what has begun is lost, or run again at no cost if `isFree`.
   */
  #takeBack(employment: Employment, loss: WorkerLostError, unstarted: readonly Assignment[], isFree: boolean): void {
    for (const attempt of [...employment.attempts]) {
      // Whoever heard of the others may have ended it.
      if (attempt.hasEnded) continue;
      const { task, isUpdate } = attempt;
      const hasBegun = attempt.isStarted && !unstarted.includes(attempt);
      if (!hasBegun && !isUpdate && !isHandedOver(attempt)) {
        this.#giveBack(attempt);
      } else if (isFree && attempt.isCurrent && !isUpdate && attempt.transfer.length === 0) {
        this.#end(attempt);
        this.#lifecycle.requeue(task, 0);
      } else {
        this.attemptLost(attempt, loss);
      }
    }
    this.#rounds.plan();
  }

  /** The worker is rid of the attempt. Whether its outcome is that of its task. */
  #counts(attempt: Attempt): boolean {
    this.#end(attempt);
    if (!attempt.isCurrent) this.#drop(attempt);
    else if (attempt.isTimedOut) this.#lifecycle.failed(attempt, 'timeout', timeoutError(attempt.task));
    else return true;
    return false;
  }

  /**
   * The worker is rid of the attempt. Whoever calls this plans a round when the task's fate is settled, and not before:
   * then one who awaits the result is heard first, and what he calls is part of the same round.
   */
  #end(attempt: Attempt): void {
    const { employment } = attempt;
    attempt.end();
    employment.remove(attempt);
    if (attempt.isUpdate) return;
    if (employment.load === 1) employment.idleSince = attempt.endedAt;
    // What ends while it is being assigned frees its place for the next round, so that no worker gets it all.
    if (this.#isDispatching) this.#vacated.push(employment);
    else this.#vacate(employment);
  }

  #vacate(employment: Employment): void {
    employment.load--;
    this.#scheduler.touch(employment);
  }

  /** The attempt's task has ended before it. */
  #drop(attempt: Attempt): void {
    if (!attempt.isUpdate) this.#scheduler.finish(attempt.task);
  }

  /** The attempt never began: its task returns to its place in the queue. */
  #giveBack(attempt: Attempt): void {
    const { task, crew, isCurrent } = attempt;
    this.#end(attempt);
    if (isCurrent) this.#lifecycle.returned(task);
    this.#scheduler.giveBack(task, crew as Crew);
    // One that was cancelled meanwhile is refunded all the same.
    if (!isCurrent) this.#scheduler.remove(task);
    this.#rounds.plan();
  }
}

/** What the worker holds ahead of its turn, the latest first: returned in that order each is the first in its row. */
function heldBy({ attempts }: Employment, filter: (attempt: Attempt) => boolean): Attempt[] {
  const held = attempts.filter((attempt) => !attempt.isStarted && !attempt.isUpdate && filter(attempt));
  return held.sort((a, b) => b.task.place - a.task.place);
}

/** Kinds of worker that copy what is to be handed over. */
const COPYING: ReadonlySet<string> = new Set(['process', 'remote']);

/** Whether the arguments are not on this side any more, although the task may never have begun. */
function isHandedOver({ transfer, employment }: Attempt): boolean {
  return transfer.length > 0 && !COPYING.has(employment.kind);
}

/** The loss as the error of one task. */
function lossOf(error: WorkerLostError, { id, attempts, settings }: Task): WorkerLostError {
  const { message } = error;
  const isFinal = settings.transfer.length > 0;
  const why = `${message}. The task ${id} can't be run again: what was handed over with \`transfer\` is gone`;
  const loss = new WorkerLostError(isFinal ? why : message, error);
  loss.attempts = attempts;
  return loss;
}
