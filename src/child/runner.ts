import { type AnyIterator, iteratorOf } from '../iteration/iterators.js';
import { BusyPoll } from '../protocol/busy-poll.js';
import type { Claims } from '../protocol/claims.js';
import { type CloneProbe, type ErrorRecord, encodeError } from '../protocol/error-record.js';
import { type Commands, endOfReport, type Message, ReportWriter, readCommands, report } from '../protocol/messages.js';
import { Outbox } from '../protocol/outbox.js';
import { unreadable } from '../protocol/setup.js';
import { refusedResult } from '../protocol/uncloneable.js';
import { runInContext } from '../tasks/task-context.js';
import type { TaskKey } from '../tasks/task-key.js';
import type { AnyFunction } from '../tasks/task-module.js';
import { isThenable, toPromise } from '../tasks/thenable.js';
import { type Transferable, transferListOf, unwrap } from '../tasks/transferable.js';
import { now } from './clock.js';
import { TaskFunction } from './functions.js';
import { Producer } from './producer.js';
import { Run, type RunOwner } from './run.js';

/** The child's end of the channel to its parent. */
export interface ChildPort {
  /** Sends a message, or throws what structured clone throws. */
  post(message: Message, transfer?: readonly Transferable[]): void;
  /** Throws if the channel can't carry the value. */
  readonly probe: CloneProbe;
  /** Memory in use, in bytes. */
  memory(): number;
  /** Ends the thread or process. */
  exit(): void;
}

/** What a runner is told before its first message. */
export interface RunnerSetup {
  readonly concurrency: number;
  readonly workerId: number;
  /** Shared with the parent; null where memory can't be shared. */
  readonly claims: Claims | null;
}

/** How long finished results may wait for more, in milliseconds, while tasks run one after the other. */
const PATIENCE = 0.5;

/**
 * How long a message gets before it is sent, in fields: those of 256 results. While the next tasks run here, the parent
 * works on them and sends more.
 */
const BATCH = 256 * endOfReport([report.done], 0);

/**
 * Runs tasks in a thread or process: `concurrency` at a time, in the order in which they came, and holds the rest.
 *
 * Reports of one turn of the event loop are one message. While tasks that return at once follow each other, results
 * wait for one another only if the task about to begin is known to be short, so that none waits behind one that may be
 * long.
 */
export class Runner implements Commands, RunOwner {
  readonly workerId: number;
  readonly #port: ChildPort;
  readonly #concurrency: number;
  readonly #claims: Claims | null;
  readonly #functions = new Map<number, TaskFunction>();
  readonly #outbox: Outbox<ReportWriter>;
  readonly #poll: BusyPoll;
  /** For how many turns to stay awake, as the parent has said. */
  #turns = 0;
  /** Tasks that have not started, in the order in which they came: as many as the parent lets wait here, never many. */
  readonly #held: Run[] = [];
  /** Tasks that have, by slot. */
  readonly #running = new Map<number, Run>();
  /** Tasks that have returned an iterator which is not over, by slot. */
  readonly #iterating = new Map<number, Run>();
  #isDrainPlanned = false;
  /** When the oldest result that was not sent came about, and the latest of all. */
  #oldestAt = 0;
  #latestAt = 0;

  constructor(port: ChildPort, { concurrency, workerId, claims }: RunnerSetup, poll = new BusyPoll()) {
    this.#port = port;
    this.#poll = poll;
    this.#concurrency = concurrency;
    this.workerId = workerId;
    this.#claims = claims;
    this.#outbox = new Outbox(new ReportWriter(), {
      post: (message, transfer) => this.#post(message, transfer),
      endOf: endOfReport,
      refused: (part, cause) => this.#refused(part, cause),
    });
  }

  /** Tells the parent that tasks can come. */
  start(): void {
    this.#outbox.writer.ready();
    this.#outbox.flush();
  }

  receive(message: Message): void {
    this.#poll.stop();
    readCommands(message, this);
    this.#drain();
    this.#outbox.flush();
  }

  // --- what the parent says -----------------------------------------------------------------------------------------

  source(code: number, source: string): void {
    this.#functions.set(code, TaskFunction.fromSource(source));
  }

  reference(code: number, url: string, name: string): void {
    this.#functions.set(code, TaskFunction.fromModule(url, name));
  }

  forget(): void {
    this.#functions.clear();
  }

  run(
    slot: number,
    ticket: number,
    code: number,
    key: TaskKey,
    attempt: number,
    series: unknown,
    args: unknown[],
  ): void {
    const task = this.#functions.get(code) as TaskFunction;
    this.#held.push(new Run(this, slot, ticket, task, key, attempt, series, args));
  }

  abort(slot: number, ticket: number, reason: ErrorRecord): void {
    this.#outbox.writer.aborted(slot, ticket);
    const running = this.#running.get(slot) ?? this.#iterating.get(slot);
    if (running?.ticket === ticket) running.abort(reason);
    else if (this.#takeHeld(ticket)) this.#outbox.writer.failed(slot, reason, 0, 0);
  }

  recall(slot: number, ticket: number): void {
    this.#outbox.writer.recalled(slot, ticket, this.#takeHeld(ticket));
  }

  pull(slot: number, ticket: number): void {
    const run = this.#iterating.get(slot);
    if (run?.ticket === ticket) run.producer?.pull();
  }

  close(slot: number, ticket: number): void {
    const run = this.#iterating.get(slot);
    if (run?.ticket === ticket) run.producer?.close();
  }

  measure(): void {
    this.#outbox.writer.measured(this.#port.memory());
  }

  stayAwake(turns: number): void {
    this.#turns = turns;
  }

  stop(): void {
    this.#outbox.flush();
    this.#port.exit();
  }

  // --- what tasks say -----------------------------------------------------------------------------------------------

  report(run: Run, progress: unknown): void {
    if (this.#running.get(run.slot) !== run && this.#iterating.get(run.slot) !== run) return;
    this.#outbox.writer.progress(run.slot, this.#outbox.keep(progress));
    this.#outbox.plan();
  }

  crashed(error: unknown): void {
    this.#outbox.writer.crashed(encodeError(error, this.#port.probe));
    this.#outbox.flush();
  }

  /** The last word, as it exits. */
  ends(): void {
    this.#outbox.flush();
    this.#outbox.writer.ends();
    this.#outbox.flush();
  }

  /** Something the parent said can't be read, and nobody here knows what it was. */
  unreadable(error: unknown): void {
    this.crashed(unreadable(error));
    this.ends();
    this.#port.exit();
  }

  // --- running ------------------------------------------------------------------------------------------------------

  #drain(): void {
    while (this.#running.size < this.#concurrency && this.#held.length > 0) {
      const run = this.#held[0] as Run;
      if (!this.#outbox.isEmpty) {
        const mustNotWait = !run.task.isShort || this.#latestAt - this.#oldestAt > PATIENCE;
        if (mustNotWait || this.#outbox.length >= BATCH) this.#outbox.flush();
        if (mustNotWait && this.#claims === null) {
          // The parent can take the task back only by a message, which must be read before the task starts.
          this.#planDrain();
          return;
        }
      }
      this.#held.shift();
      if (this.#claims === null || this.#claims.take(run.slot, run.ticket)) this.#start(run);
    }
  }

  #start(run: Run): void {
    this.#running.set(run.slot, run);
    run.startedAt = now();
    const { fn } = run.task;
    if (fn !== null) {
      this.#invoke(run, fn);
      return;
    }
    run.task.load().then(
      (loaded) => {
        run.startedAt = now();
        this.#invoke(run, loaded);
        this.#drain();
        this.#outbox.plan();
      },
      (error) => this.#settleLater(run, error, true),
    );
  }

  #invoke(run: Run, fn: AnyFunction): void {
    let result: unknown;
    let pending: Promise<unknown> | null;
    try {
      result = runInContext(run, fn, run.args);
      pending = isThenable(result) ? toPromise(result) : null;
    } catch (error) {
      this.#failed(run, error);
      return;
    }
    if (pending === null) {
      this.#done(run, result);
      return;
    }
    pending.then(
      (value) => this.#settleLater(run, value, false),
      (error) => this.#settleLater(run, error, true),
    );
  }

  /** The end of a task that did not return at once: nobody else drains and flushes in this turn. */
  #settleLater(run: Run, outcome: unknown, isError: boolean): void {
    if (isError) this.#failed(run, outcome);
    else this.#done(run, outcome);
    this.#drain();
    this.#outbox.plan();
  }

  #done(run: Run, result: unknown): void {
    let iterator: AnyIterator | null;
    let transfer: readonly Transferable[] | null;
    let value: unknown;
    try {
      iterator = iteratorOf(result);
      transfer = transferListOf(result);
      value = unwrap(result);
    } catch (error) {
      // A getter, or a proxy, that throws.
      this.#failed(run, error);
      return;
    }
    const endedAt = this.#ended(run);
    if (iterator !== null) {
      this.#iterate(run, iterator, endedAt);
      return;
    }
    if (transfer === null) {
      this.#outbox.writer.done(run.slot, this.#outbox.keep(result), run.startedAt, endedAt);
      this.#outbox.sendUrgent();
      return;
    }
    this.#outbox.flush();
    this.#outbox.writer.done(run.slot, value, run.startedAt, endedAt);
    this.#outbox.flush(transfer);
  }

  #iterate(run: Run, iterator: AnyIterator, endedAt: number): void {
    this.#iterating.set(run.slot, run);
    this.#outbox.writer.iterates(run.slot, run.startedAt, endedAt);
    run.producer = new Producer(iterator, {
      inContext: (fn) => runInContext(run, fn, []),
      postItems: (items, transfer) => {
        this.#outbox.flush();
        const writer = new ReportWriter();
        writer.items(run.slot, items);
        this.#post(writer.take(), transfer.length > 0 ? transfer : undefined);
      },
      refusal: (item, cause) => refusedResult('The item', item, this.#port.probe, cause),
      ended: (end) => {
        this.#iterating.delete(run.slot);
        this.#outbox.writer.iterated(run.slot, end === undefined ? null : this.#encode(run, end.error));
        this.#outbox.plan();
      },
    });
  }

  #failed(run: Run, error: unknown): void {
    const endedAt = this.#ended(run);
    this.#outbox.writer.failed(run.slot, this.#encode(run, error), run.startedAt, endedAt);
    // What the error has for properties may change.
    this.#outbox.flush();
  }

  #encode(run: Run, error: unknown): ErrorRecord {
    const record = encodeError(error, this.#port.probe);
    if (!run.task.isSource || record.type !== 'error' || record.base !== 'ReferenceError') return record;
    const hint =
      'the function was sent to the worker by its source, without what surrounds it: pass it as an argument, or use a task module';
    return { ...record, message: `${record.message} (${hint})` };
  }

  #ended(run: Run): number {
    const endedAt = now();
    if (this.#outbox.isEmpty) this.#oldestAt = endedAt;
    this.#latestAt = endedAt;
    this.#running.delete(run.slot);
    run.task.meanTime.note(endedAt - run.startedAt);
    return endedAt;
  }

  #takeHeld(ticket: number): boolean {
    const index = this.#held.findIndex((run) => run.ticket === ticket);
    if (index === -1) return false;
    this.#held.splice(index, 1);
    return true;
  }

  #planDrain(): void {
    if (this.#isDrainPlanned) return;
    this.#isDrainPlanned = true;
    setImmediate(() => {
      this.#isDrainPlanned = false;
      this.#drain();
      this.#outbox.flush();
    });
  }

  #post(message: Message, transfer?: readonly Transferable[]): void {
    this.#port.post(message, transfer);
    if (this.#running.size === 0 && this.#held.length === 0) this.#poll.start(this.#turns);
  }

  /** A result or progress report that can't be sent: the task fails, or the report is dropped. */
  #refused(part: Message, cause: unknown): void {
    const [op, slot, value, startedAt, endedAt] = part;
    if (op !== report.done) return;
    const error = encodeError(refusedResult('The result', value, this.#port.probe, cause), this.#port.probe);
    const replacement = new ReportWriter();
    replacement.failed(slot as number, error, startedAt as number, endedAt as number);
    this.#post(replacement.take());
  }
}
