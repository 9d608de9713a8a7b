import type { WorkerLoss, WorkerLostError } from '../errors.js';
import { decodeError, type ErrorRecord, encodeError } from '../protocol/error-record.js';
import { CommandWriter, command, endOfCommand, type Message, type Reports, readReports } from '../protocol/messages.js';
import { Outbox } from '../protocol/outbox.js';
import { portableSeries } from '../protocol/portable.js';
import { refusedArgument } from '../protocol/uncloneable.js';
import type { AnyFunction, TaskRef } from '../tasks/task-module.js';
import type { Transferable } from '../tasks/transferable.js';
import type { Channel, ChannelListener, OpenChannel } from './channel.js';
import { type Code, codeOf } from './code.js';
import { Grace, type GraceOwner } from './grace.js';
import { LookAhead } from './look-ahead.js';
import type { Posting } from './posting.js';
import { RemoteSource } from './remote-source.js';
import { Slots } from './slots.js';
import type { Wakefulness } from './wakefulness.js';
import type { Assignment } from './worker.js';

/** What a task of a function that was never timed is taken to last, in milliseconds: long, but a number to reckon with. */
const UNKNOWN_TIME = 1e6;

/** How many functions the other side is told before it is told to forget them. */
const KNOWN = 1000;

/** Who owns a link. */
export interface LinkOwner {
  /** It takes tasks now. */
  ready(): void;
  /** One task or update fewer is on the other side. */
  released(): void;
  /**
   * It has ended, with some assignments outstanding; those in `unstarted` never began. Returns the error of whoever
   * waits for something of it.
   */
  ended(loss: WorkerLoss, unstarted: Assignment[]): WorkerLostError;
}

/**
 * The parent's end of one thread or process: what was sent to it and has not come back. What it has to say in one tick
 * is one message.
 */
export class Link implements Reports, ChannelListener, GraceOwner {
  readonly #owner: LinkOwner;
  readonly #channel: Channel;
  readonly #graceful: number;
  readonly #outbox: Outbox<CommandWriter>;
  readonly #ahead: LookAhead;
  readonly #known = new Set<Code>();
  /** How many tasks it was given that it has not given back, updates not counted. */
  taskCount = 0;
  /** How many of these run or wait there; `size` is with updates. */
  load = 0;
  /** How many iterations go on. */
  iterations = 0;
  readonly #slots = new Slots();
  readonly #grace: Grace;
  readonly #wakefulness: Wakefulness;
  /** For how many turns the other side is to stay awake, as it was told. */
  #turns = 0;
  /** Whether it has been sent something, has something to do, and has said nothing since. */
  #isWaiting = false;
  #isRetired = false;
  /** Until when iterations whose readers have left may go on, once it was retired. */
  #lastGrace: NodeJS.Timeout | undefined;
  #isKilled = false;
  #hasExited = false;
  /** What is about to end it, or why it was ended. */
  #fault: unknown;
  /** Whether it has said all that there was to say before it exited. */
  #hasSaidAll = false;
  #measures: ((bytes: number) => void)[] = [];
  /** Resolves when it has exited, with the error of whoever waits for something of it. */
  readonly exit: Promise<WorkerLostError>;
  #exited!: (error: WorkerLostError) => void;

  constructor(open: OpenChannel, owner: LinkOwner, { concurrency, graceful, workerId, wakefulness }: LinkOptions) {
    this.#owner = owner;
    this.#graceful = graceful;
    this.#wakefulness = wakefulness;
    this.#grace = new Grace(this, graceful);
    this.exit = new Promise((resolve) => {
      this.#exited = resolve;
    });
    this.#channel = open(this, workerId);
    this.#ahead = new LookAhead(concurrency, this.#channel.claims !== null, ({ assignment }) => assignment.started());
    this.#outbox = new Outbox(new CommandWriter(), {
      post: (message, transfer) => this.#post(message, transfer),
      endOf: endOfCommand,
      refused: (part, cause) => this.#refused(part, cause),
    });
  }

  /** How many tasks and updates run or wait there. */
  get size(): number {
    return this.#ahead.size;
  }

  /** Whether one more task may be sent than can run now, behind what is known to be short. */
  holds(fn: AnyFunction | TaskRef): boolean {
    const { room } = this.#ahead;
    return room >= 0 && this.#estimate(fn) <= room;
  }

  run(assignment: Assignment): void {
    const code = this.#codeOf(assignment);
    if (code === null) return;
    const { key, args, attempt, transfer } = assignment;
    // What is run again may be what has ended the last one: nothing else shares its message, or waits behind it.
    const isRepeated = attempt > 1;
    const estimate = isRepeated ? UNKNOWN_TIME : Math.min(code.meanTime.value, UNKNOWN_TIME);
    const posting = this.#slots.post(assignment, code, estimate);
    const { slot, ticket } = posting;
    if (!assignment.isUpdate) {
      this.taskCount++;
      this.load++;
    }
    this.#channel.claims?.offer(slot, ticket);
    const isHandedOver = transfer.length > 0;
    const isAlone = isHandedOver || isRepeated;
    this.#define(code);
    this.#tellWhetherToStayAwake();
    if (isAlone) this.#outbox.flush();
    const series = portableSeries(assignment.series);
    // What is handed over goes as it is: a copy of it would have nothing to hand over.
    const kept = isHandedOver ? args : this.#outbox.keepAll(args);
    this.#outbox.writer.run(slot, ticket, code.number, key, attempt, series, kept);
    this.#ahead.add(posting);
    if (isAlone) this.#outbox.flush(isHandedOver ? transfer : undefined);
    else this.#outbox.plan();
  }

  recall(assignment: Assignment): boolean | Promise<boolean> {
    const posting = this.#slots.find(assignment);
    if (posting === undefined || posting.isStarted) return false;
    const { claims } = this.#channel;
    if (claims !== null) {
      if (!claims.revoke(posting.slot, posting.ticket)) return false;
      this.#withdraw(posting);
      this.#leave(posting);
      return true;
    }
    return new Promise((resolve) => {
      if (posting.recalls !== null) {
        posting.recalls.push(resolve);
        return;
      }
      posting.recalls = [resolve];
      this.#outbox.writer.recall(posting.slot, posting.ticket);
      this.#outbox.plan();
    });
  }

  cancel(assignment: Assignment, reason: unknown): void {
    const posting = this.#slots.find(assignment);
    if (posting !== undefined) this.#abort(posting, reason);
  }

  memory(): Promise<number> {
    return new Promise((resolve) => {
      this.#measures.push(resolve);
      if (this.#hasExited) this.measured(0);
      this.#outbox.writer.measure();
      this.#outbox.plan();
    });
  }

  /** Asks it to exit, and after its time of grace makes it. */
  async stop(): Promise<void> {
    clearTimeout(this.#lastGrace);
    this.#outbox.writer.stop();
    this.#outbox.flush();
    const timer = setTimeout(() => this.kill(), this.#graceful);
    await this.exit;
    clearTimeout(timer);
  }

  /** It has no tasks and gets no more. It exits when the iterations there are over, or those that hang have had their time. */
  retire(): void {
    this.#isRetired = true;
    this.#stopIfOver();
  }

  kill(): void {
    if (this.#hasExited || this.#isKilled) return;
    this.#isKilled = true;
    this.#channel.kill();
  }

  // --- what the time of grace needs ---------------------------------------------------------------------------------

  isOn(posting: Posting): boolean {
    return !this.#hasExited && this.#slots.has(posting);
  }

  get running(): number {
    return this.#ahead.running;
  }

  ask(posting: Posting): void {
    // What it was told before has been read, so it is not held there any more, and not given back.
    this.#outbox.writer.recall(posting.slot, posting.ticket);
    this.#outbox.plan();
  }

  // --- what the channel says ----------------------------------------------------------------------------------------

  message(message: unknown): void {
    this.#waitIsOver();
    try {
      readReports(message, this);
    } catch (error) {
      this.#fault = error;
      this.kill();
    }
  }

  exited(loss: WorkerLoss): void {
    this.#hasExited = true;
    this.#waitIsOver();
    const unstarted: Assignment[] = [];
    const sources: RemoteSource[] = [];
    for (const posting of this.#slots) {
      this.#grace.end(posting);
      if (posting.source !== null) {
        sources.push(posting.source);
        continue;
      }
      posting.answer(false);
      if (!this.#mayHaveBegun(posting)) unstarted.push(posting.assignment);
      else if (!posting.isStarted) posting.assignment.started();
    }
    for (const measure of this.#measures) measure(0);
    const error = this.#owner.ended({ ...loss, cause: this.#fault ?? loss.cause }, unstarted);
    for (const source of sources) source.ended(error, true);
    this.#exited(error);
  }

  // --- what the other side says -------------------------------------------------------------------------------------

  ready(): void {
    this.#owner.ready();
  }

  done(slot: number, value: unknown, startedAt: number, endedAt: number): void {
    const posting = this.#end(slot, startedAt, endedAt);
    posting.assignment.done(value, endedAt);
    this.#leave(posting);
  }

  failed(slot: number, error: ErrorRecord, startedAt: number, endedAt: number): void {
    // What can't be decoded must not end the task and leave it without an outcome.
    const reason = decodeError(error);
    const posting = this.#end(slot, startedAt, endedAt);
    posting.assignment.fail(reason, endedAt);
    this.#leave(posting);
  }

  iterates(slot: number, startedAt: number, endedAt: number): void {
    const posting = this.#slots.runningAt(slot);
    this.#noteTimes(posting, startedAt, endedAt);
    this.iterations++;
    posting.source = new RemoteSource({
      pull: () => {
        this.#tellWhetherToStayAwake();
        this.#outbox.writer.pull(slot, posting.ticket);
        this.#outbox.plan();
      },
      close: () => {
        this.#outbox.writer.close(slot, posting.ticket);
        this.#outbox.plan();
        this.#stopIfOver();
      },
      abort: (reason) => this.#abort(posting, reason),
    });
    posting.assignment.iterate(posting.source, endedAt);
    this.#leave(posting);
  }

  items(slot: number, items: unknown[]): void {
    this.#slots.sourceAt(slot).arrived(items);
  }

  iterated(slot: number, error: ErrorRecord | null): void {
    const source = this.#slots.sourceAt(slot);
    const reason = error === null ? undefined : decodeError(error);
    this.#free(this.#slots.at(slot));
    this.iterations--;
    this.#grace.check();
    source.ended(reason, error !== null);
    this.#stopIfOver();
  }

  progress(slot: number, value: unknown): void {
    this.#slots.at(slot).assignment.progress(value);
  }

  aborted(slot: number, ticket: number): void {
    const posting = this.#slots.holder(slot, ticket);
    if (posting !== undefined) posting.isAnswered = true;
  }

  recalled(slot: number, ticket: number, isGivenBack: boolean): void {
    const posting = this.#slots.holder(slot, ticket);
    if (posting === undefined) return;
    posting.isAnswered = true;
    posting.answer(isGivenBack);
    if (!isGivenBack) return;
    this.#withdraw(posting);
    this.#leave(posting);
  }

  /** The answer to `measure`. */
  measured(bytes: number): void {
    for (const measure of this.#measures.splice(0)) measure(bytes);
  }

  crashed(error: ErrorRecord): void {
    this.#fault = decodeError(error);
  }

  ends(): void {
    this.#hasSaidAll = true;
  }

  // --- within -------------------------------------------------------------------------------------------------------

  #post(message: Message, transfer?: readonly Transferable[]): void {
    if (this.#hasExited) return;
    this.#channel.post(message, transfer);
    if (this.#isWaiting || this.#slots.isEmpty) return;
    this.#isWaiting = true;
    this.#wakefulness.begins();
  }

  #waitIsOver(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#wakefulness.ends();
  }

  #tellWhetherToStayAwake(): void {
    const { turns } = this.#wakefulness;
    if (this.#turns === turns) return;
    this.#turns = turns;
    this.#outbox.writer.stayAwake(turns);
  }

  /** The code of an assignment that can be sent; one that can't fails. */
  #codeOf(assignment: Assignment): Code | null {
    try {
      return codeOf(assignment.fn);
    } catch (error) {
      assignment.fail(error);
      return null;
    }
  }

  #estimate(fn: AnyFunction | TaskRef): number {
    try {
      return codeOf(fn).meanTime.value;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  #define(code: Code): void {
    if (this.#known.has(code)) return;
    if (this.#known.size >= KNOWN) {
      this.#known.clear();
      this.#outbox.writer.forget();
    }
    this.#known.add(code);
    if (code.ref !== null) this.#outbox.writer.reference(code.number, code.ref.url, code.ref.name);
    else this.#outbox.writer.source(code.number, code.source as string);
  }

  /** A task has ended on the other side. Its outcome is to be told before it leaves, so that the next begins after that. */
  #end(slot: number, startedAt: number, endedAt: number): Posting {
    const posting = this.#slots.runningAt(slot);
    this.#noteTimes(posting, startedAt, endedAt);
    this.#free(posting);
    this.#wakefulness.taskEnded();
    return posting;
  }

  /**
   * Whether a task may have begun on the other side, which has exited. One that went without a last word may have begun
   * everything it held, as short tasks follow each other there without a word; only claims tell exactly.
   */
  #mayHaveBegun({ isStarted, slot, ticket }: Posting): boolean {
    if (this.#hasSaidAll) return isStarted;
    return this.#channel.claims?.isTaken(slot, ticket) ?? true;
  }

  /** What is held in front of a task that has ended must have started before. */
  #noteTimes(posting: Posting, startedAt: number, endedAt: number): void {
    this.#ahead.beginUpTo(posting);
    if (startedAt === 0) return;
    posting.assignment.started(startedAt);
    posting.code.meanTime.note(endedAt - startedAt);
  }

  /** The task never began on the other side, and never will. It is to leave. */
  #withdraw(posting: Posting): void {
    if (!posting.assignment.isUpdate) this.taskCount--;
    this.#free(posting);
  }

  /** The task is not on the other side any more, nor what it has led to. */
  #free(posting: Posting): void {
    this.#grace.end(posting);
    this.#slots.free(posting.slot);
    if (this.#slots.isEmpty) this.#waitIsOver();
  }

  /** The task does not run or wait on the other side any more. */
  #leave(posting: Posting): void {
    posting.assignment.token = null;
    if (!posting.assignment.isUpdate) this.load--;
    this.#ahead.remove(posting);
    this.#grace.left(posting);
    this.#owner.released();
  }

  #abort(posting: Posting, reason: unknown): void {
    if (posting.isCancelled) return;
    posting.isCancelled = true;
    this.#grace.begin(posting);
    this.#outbox.writer.abort(posting.slot, posting.ticket, encodeError(reason, this.#channel.probe));
    this.#outbox.plan();
  }

  #stopIfOver(): void {
    if (!this.#isRetired) return;
    if (this.iterations === 0) void this.stop();
    else if ([...this.#slots].every(({ source }) => source?.isClosed ?? true)) {
      this.#lastGrace ??= setTimeout(() => this.kill(), this.#graceful).unref();
    }
  }

  /** A part of a message that can't be sent: only a run carries what is the user's. */
  #refused(part: Message, cause: unknown): void {
    if (part[0] !== command.run) throw cause;
    const posting = this.#slots.at(part[1] as number);
    this.#withdraw(posting);
    posting.assignment.fail(refusedArgument(posting.assignment.args, this.#channel.probe, cause));
    this.#leave(posting);
  }
}

export interface LinkOptions {
  readonly concurrency: number;
  /** How long a cancelled task, or the whole, may take to end by itself, in milliseconds. */
  readonly graceful: number;
  readonly workerId: number;
  /** Decides whether both sides stay awake while they wait for each other. */
  readonly wakefulness: Wakefulness;
}
