import { now } from '../clock.js';
import { TaskCancelledError } from '../errors.js';
import { CANCELLED, FAILED, HELD, QUEUED, RUNNING, type Task, type TaskOwner } from '../queue/task.js';
import type { Requirement } from '../scheduling/acceptance.js';
import type { Crew } from '../scheduling/crew.js';
import { type Band, DO_NEXT, type Row } from '../scheduling/lane.js';
import type { LimitRule } from '../scheduling/limiter.js';
import { Scheduler } from '../scheduling/scheduler.js';
import { isSameKey } from '../scheduling/series.js';
import { currentSource } from '../tasks/task-context.js';
import { Announcements } from './announcements.js';
import { Attempt } from './attempt.js';
import { Attempts } from './attempts.js';
import type { HandlerHost } from './host.js';
import { KeepAlive } from './keep-alive.js';
import { Lifecycle } from './lifecycle.js';
import { Rounds } from './rounds.js';
import { Workforce } from './workforce.js';

/**
 * What stands behind a queue: the scheduler decides which task goes to which worker, the workforce are the workers, the
 * attempts what they have in hand, and the lifecycle what becomes of the tasks.
 *
 * What happens in one turn is followed by one round, a microtask later, in which everything that can be assigned is.
 * So calls made in one go compete by their priority, and who awaited a result has a word before its place is given away.
 *
 * The way of a task, and what keeps it short:
 *
 * 1. `call` checks what it was given and makes a Task: the record, the handle and the async context in one object, with
 *    a promise whose executor all tasks share. Settings that are the queue's own are one object, too. The scheduler
 *    links the task into a list of its series and niceness; it makes nothing, and only the first of a list is compared
 *    with anything. Waiting costs bytes, and they are what a long backlog is slow by: the collector copies each twice.
 * 2. One round, in one microtask, follows all that happens in a turn: it takes from the top of a heap of series for the
 *    top of a heap of workers as long as both have one. What it makes is an Attempt, which is young when it ends.
 * 3. The main thread calls the function there and then, and follows its promise with closures that are used again. For
 *    a thread or process the task becomes a few fields in an array, and the whole array one message at the end of the
 *    tick (src/protocol/outbox.ts), or at once if it holds what could change until then (src/protocol/snapshot.ts). A
 *    worker is given a little more than it can run, so that it need not wait for the next message; threads share a word
 *    for each task with this side, so what is held ahead can still be taken back (src/protocol/claims.ts). While short
 *    tasks follow each other neither side falls asleep, if that proves faster (src/workers/wakefulness.ts).
 * 4. Results that come together are one message. Each ends its Attempt, frees its place, counts, resolves the promise,
 *    and lets go of everything: the next round is planned once for all of them.
 *
 * Timers, listeners, abort controllers and what else few tasks need are made when somebody asks for them. Events are
 * only emitted when somebody listens, as then the task has to remember how it went. The clock is read once for all that
 * is queued in a turn.
 */
export class TaskHandler implements TaskOwner {
  readonly scheduler = new Scheduler();
  readonly rounds = new Rounds(() => this.#round());
  readonly lifecycle: Lifecycle;
  readonly workforce: Workforce;

  readonly #host: HandlerHost;
  readonly #attempts: Attempts;
  readonly #announcements: Announcements;
  readonly #keepAlive = new KeepAlive();
  #rateTimer: NodeJS.Timeout | undefined;

  constructor(host: HandlerHost) {
    this.#host = host;
    this.#announcements = new Announcements(host);
    this.lifecycle = new Lifecycle(this.scheduler, host, this.rounds, this.#announcements);
    this.#attempts = new Attempts(this.scheduler, this.lifecycle, this.rounds);
    this.workforce = new Workforce(this.scheduler, this.#attempts, host, this.rounds);
  }

  // --- tasks --------------------------------------------------------------------------------------------------------

  submit(task: Task, band: Band, requirement: Requirement): void {
    this.scheduler.add(task, task.series, band, requirement);
    this.lifecycle.submitted(task);
    this.#announcements.add(task);
    const caller = currentSource();
    // One that has ended, and makes items now, has no place that it could hold.
    if (caller instanceof Attempt && caller.owner === this.#attempts && !caller.hasEnded) {
      this.lifecycle.nesting.called(task, caller);
    }
    // What workers hold must not start before it.
    if (band === DO_NEXT) this.#recallHeld((attempt) => attempt.employment.serves(task.series));
    this.workforce.recruiter?.submitted();
    this.rounds.plan();
  }

  cancel(task: Task, reason: unknown): boolean {
    const cause = reason === undefined ? undefined : { cause: reason };
    return this.#cancel(task, new TaskCancelledError(`The task ${task.id} was cancelled`, cause), reason);
  }

  abort(task: Task, reason: unknown): void {
    this.#cancel(task, reason, reason);
  }

  renice(task: Task, niceness: number): boolean {
    const { phase, attempt } = task;
    if (phase === HELD && attempt?.hasEnded === false) {
      return this.#attempts.recall(attempt, () => this.scheduler.renice(task, niceness));
    }
    if (phase === QUEUED) {
      this.scheduler.renice(task, niceness);
      this.rounds.plan();
    } else if (phase < RUNNING) {
      // It is in nobody's hands, and comes back to the scheduler if it is run again.
      task.niceness = niceness;
    }
    return phase < RUNNING;
  }

  guard(call: () => void): void {
    this.#host.guard(call);
  }

  /** Fails everything that waits for a worker of this crew and kind, and that no worker there is may run. */
  fail(crew: Crew, kind: string, error: Error): void {
    const { employments } = this.workforce;
    for (const task of this.tasks(({ phase }) => phase === QUEUED)) {
      // Whoever heard of the others may have ended it.
      if (task.phase !== QUEUED) continue;
      const { lane } = task.row as Row;
      if (!crew.serves(task.series) || !lane.acceptance.accepts(kind)) continue;
      if (employments.some((employment) => employment.mayRun(task))) continue;
      this.scheduler.remove(task);
      this.lifecycle.settle(task, FAILED, error, now());
    }
    this.rounds.plan();
  }

  /** The unsettled tasks that a filter lets through. */
  tasks(filter: (task: Task) => boolean = () => true): Task[] {
    const found: Task[] = [...this.lifecycle.elsewhere()].filter(filter);
    for (const job of this.scheduler.jobs()) {
      // The scheduler's jobs are tasks: nothing else is ever added to it.
      const task = job as unknown as Task;
      if (filter(task)) found.push(task);
    }
    for (const task of this.#inHand()) if (filter(task)) found.push(task);
    return found;
  }

  /** Those that do not wait in the scheduler. */
  *#unscheduled(): IterableIterator<Task> {
    yield* this.#inHand();
    yield* this.lifecycle.elsewhere();
  }

  /** Those that workers hold or run. */
  *#inHand(): IterableIterator<Task> {
    for (const { attempts } of this.workforce.employments) {
      for (const { isCurrent, isUpdate, task } of attempts) if (isCurrent && !isUpdate) yield task;
    }
  }

  // --- state and control --------------------------------------------------------------------------------------------

  /** Tasks that have not started. */
  get waiting(): number {
    return this.scheduler.size + this.lifecycle.held + this.lifecycle.delayed;
  }

  /** Tasks that have started. */
  get pending(): number {
    return this.lifecycle.pending;
  }

  /**
   * Whether one more task would wait for a place while `most` do: neither those that are about to start, as one is free
   * for them or theirs already, nor those that are run again.
   */
  isFull(most: number, series: unknown, requirement: Requirement): boolean {
    const { scheduler, workforce, lifecycle } = this;
    const places = workforce.free;
    const starting = scheduler.claim(places);
    // What a worker has beyond its places it holds, unless it has fewer of them than before.
    const held = Math.min(lifecycle.held, workforce.surplus);
    const waiting = held + scheduler.size - scheduler.repeated - starting;
    return waiting >= most && !scheduler.claimOne(places, series, requirement);
  }

  waitingOf(series: unknown): number {
    let count = this.scheduler.sizeOf(series);
    if (this.waiting === this.scheduler.size) return count;
    for (const task of this.#unscheduled()) if (task.phase < RUNNING && isSameKey(task.series, series)) count++;
    return count;
  }

  /** How many tasks wait and how many have started, by series. Those that workers are busy with come first. */
  counts(): Map<unknown, { waiting: number; started: number }> {
    const counts = new Map<unknown, { waiting: number; started: number }>();
    const countOf = (series: unknown) => {
      const count = counts.get(series) ?? { waiting: 0, started: 0 };
      counts.set(series, count);
      return count;
    };
    for (const { series, phase } of this.#unscheduled()) countOf(series)[phase < RUNNING ? 'waiting' : 'started']++;
    for (const [series, waiting] of this.scheduler.sizes()) countOf(series).waiting += waiting;
    return counts;
  }

  pause(): void {
    this.scheduler.isPaused = true;
    this.#recallHeld();
    this.rounds.plan();
  }

  resume(): void {
    this.scheduler.isPaused = false;
    this.rounds.plan();
  }

  limit(rule: LimitRule | null): void {
    this.#recallHeld();
    this.scheduler.limit(rule);
    this.rounds.plan();
  }

  limitSeries(series: unknown, rule: LimitRule | null): void {
    this.#recallHeld(({ task }) => isSameKey(task.series, series));
    this.scheduler.limitSeries(series, rule);
    this.rounds.plan();
  }

  // --- within -------------------------------------------------------------------------------------------------------

  #round(): void {
    const { scheduler, lifecycle, workforce } = this;
    this.#announcements.tell();
    this.#attempts.dispatch();
    const canGoOn = scheduler.servable > 0 && !scheduler.isPaused;
    if (scheduler.servable === 0 && lifecycle.held > 0) this.#attempts.spread(workforce.employments);
    workforce.recruiter?.roundEnded(canGoOn);
    this.#planRelease();
    this.#tellStalled();
    const { held, pending, delayed } = lifecycle;
    this.#keepAlive.set(canGoOn || held + pending + delayed > 0 || this.rounds.isOccupied);
    this.#host.roundEnded();
  }

  /** Plans a round for when a rate limit lifts. Its timer keeps no program alive: what waits for it does. */
  #planRelease(): void {
    clearTimeout(this.#rateTimer);
    const { dueAt } = this.scheduler;
    if (dueAt === Number.POSITIVE_INFINITY) return;
    this.#rateTimer = setTimeout(() => this.rounds.plan(), Math.max(0, Math.ceil(dueAt - now())));
    this.#rateTimer.unref();
  }

  #tellStalled(): void {
    const { scheduler, lifecycle } = this;
    if (scheduler.hasTurned) {
      for (const series of scheduler.newStalls()) this.#host.emit('stalled', series, 'unserved', []);
    }
    const { nesting } = lifecycle;
    // Workers that could still be hired would resolve a deadlock.
    if (!nesting.hasUntold || this.workforce.recruiter?.vacancy) return;
    for (const { task, holders } of nesting.deadlocks(this.workforce.employments)) {
      const ids = holders.map(({ id }) => id);
      this.#host.emit('stalled', task.series, 'deadlock', ids);
    }
  }

  #recallHeld(filter?: (attempt: Attempt) => boolean): void {
    if (this.lifecycle.held === 0) return;
    for (const employment of this.workforce.employments) this.#attempts.recallFrom(employment, filter);
  }

  #cancel(task: Task, error: unknown, reason: unknown): boolean {
    this.#announcements.tell();
    if (task.isSettled) return false;
    const { phase, attempt } = task;
    if (phase === QUEUED) this.scheduler.remove(task);
    this.lifecycle.settle(task, CANCELLED, error, now());
    this.rounds.plan();
    if (attempt === null || attempt.hasEnded) return true;
    if (phase === HELD) {
      this.#attempts.recall(attempt, undefined, () => attempt.abort(reason ?? error));
    } else {
      attempt.stopTimer();
      attempt.abort(reason ?? error);
    }
    return true;
  }
}
