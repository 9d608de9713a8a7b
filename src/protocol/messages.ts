import type { TaskKey } from '../tasks/task-key.js';
import { type ErrorRecord, isErrorRecord } from './error-record.js';

/**
 * What the parent and a thread or process say to each other.
 *
 * A message is a flat array: an operation, its fields, the next operation, its fields... All that one side has to say
 * in one tick is one message, as one array of 64 tasks costs a fraction of 64 messages. It is known where an operation
 * ends, so a message can be split where one of its parts turns out not to be clonable. Arrays and texts inside it cost
 * more than all the rest, so there are none but the user's.
 *
 * A task on its way has a `slot`, a small integer that is free again when the parent has heard of its end, and a
 * `ticket`, used again on the same thread or process only after two thousand million others.
 */
export type Message = unknown[];

/** What the parent says. */
export interface Commands {
  /** Function number `code` is this source text. */
  source(code: number, source: string): void;
  /** Function number `code` is this export of this module. */
  reference(code: number, url: string, name: string): void;
  /** Functions defined so far will not be named again. */
  forget(): void;
  run(
    slot: number,
    ticket: number,
    code: number,
    key: TaskKey,
    attempt: number,
    series: unknown,
    args: readonly unknown[],
  ): void;
  /** The task should end. Is answered with `aborted` as soon as it has been read. */
  abort(slot: number, ticket: number, reason: ErrorRecord): void;
  /** Give the task back if it has not started. Is answered with `recalled`. */
  recall(slot: number, ticket: number): void;
  /** The reader of the iteration in this slot wants the first batch, or has read the oldest. */
  pull(slot: number, ticket: number): void;
  /** The reader of the iteration in this slot leaves. Is answered with `iterated`. */
  close(slot: number, ticket: number): void;
  /** How much memory do you use? Is answered with `memory`. */
  measure(): void;
  /** When you have said something, and no task runs or waits, stay awake for so many turns of the event loop. */
  stayAwake(turns: number): void;
  /** Everything has settled: exit. */
  stop(): void;
}

/** What the thread or process says. Times are epoch milliseconds. */
export interface Reports {
  /** It takes tasks now. */
  ready(): void;
  done(slot: number, value: unknown, startedAt: number, endedAt: number): void;
  failed(slot: number, error: ErrorRecord, startedAt: number, endedAt: number): void;
  /** The task has returned an iterator; its slot stays taken until `iterated`. */
  iterates(slot: number, startedAt: number, endedAt: number): void;
  items(slot: number, items: unknown[]): void;
  /** The iteration is over, and why if something went wrong. */
  iterated(slot: number, error: ErrorRecord | null): void;
  progress(slot: number, value: unknown): void;
  aborted(slot: number, ticket: number): void;
  recalled(slot: number, ticket: number, isGivenBack: boolean): void;
  /** The answer to `measure`. */
  measured(bytes: number): void;
  /** An error nobody caught is about to end it. */
  crashed(error: ErrorRecord): void;
  /** It is about to exit, has said all, and starts nothing more: what has begun is what it told of, and what follows. */
  ends(): void;
}

/** Numbers of what the parent says. */
export const command = {
  source: 0,
  reference: 1,
  forget: 2,
  run: 3,
  abort: 4,
  recall: 5,
  measure: 6,
  stop: 7,
  pull: 8,
  close: 9,
  stayAwake: 10,
} as const satisfies Record<keyof Commands, number>;

/** Numbers of what the other side says. */
export const report = {
  ready: 0,
  done: 1,
  failed: 2,
  progress: 3,
  aborted: 4,
  recalled: 5,
  measured: 6,
  crashed: 7,
  iterates: 8,
  items: 9,
  iterated: 10,
  ends: 11,
} as const satisfies Record<keyof Reports, number>;

/** How many fields follow each operation, by its number. The last one of `run` is how many arguments follow it. */
const commandFields = [2, 3, 0, 7, 3, 2, 0, 0, 2, 2, 1] as const;
const reportFields = [0, 4, 4, 2, 2, 3, 1, 1, 3, 2, 2, 0] as const;

/** Where the operation at `start` ends, in what the parent says. */
export function endOfCommand(message: Message, start: number): number {
  const op = message[start] as number;
  const end = start + 1 + (commandFields[op] as number);
  return op === command.run ? end + (message[end - 1] as number) : end;
}

/** Where the operation at `start` ends, in what the other side says. */
export function endOfReport(message: Message, start: number): number {
  return start + 1 + (reportFields[message[start] as number] as number);
}

/** Something that writes operations of one side into a message. */
export abstract class Writer {
  message: Message = [];

  /** Returns what was written and starts anew. */
  take(): Message {
    const { message } = this;
    this.message = [];
    return message;
  }
}

/** The parent's hand. */
export class CommandWriter extends Writer implements Commands {
  source(code: number, source: string): void {
    this.message.push(command.source, code, source);
  }
  reference(code: number, url: string, name: string): void {
    this.message.push(command.reference, code, url, name);
  }
  forget(): void {
    this.message.push(command.forget);
  }
  run(
    slot: number,
    ticket: number,
    code: number,
    key: TaskKey,
    attempt: number,
    series: unknown,
    args: readonly unknown[],
  ): void {
    this.message.push(command.run, slot, ticket, code, key, attempt, series, args.length);
    for (const arg of args) this.message.push(arg);
  }
  abort(slot: number, ticket: number, reason: ErrorRecord): void {
    this.message.push(command.abort, slot, ticket, reason);
  }
  recall(slot: number, ticket: number): void {
    this.message.push(command.recall, slot, ticket);
  }
  pull(slot: number, ticket: number): void {
    this.message.push(command.pull, slot, ticket);
  }
  close(slot: number, ticket: number): void {
    this.message.push(command.close, slot, ticket);
  }
  measure(): void {
    this.message.push(command.measure);
  }
  stayAwake(turns: number): void {
    this.message.push(command.stayAwake, turns);
  }
  stop(): void {
    this.message.push(command.stop);
  }
}

/** The child's hand. */
export class ReportWriter extends Writer implements Reports {
  ready(): void {
    this.message.push(report.ready);
  }
  done(slot: number, value: unknown, startedAt: number, endedAt: number): void {
    this.message.push(report.done, slot, value, startedAt, endedAt);
  }
  failed(slot: number, error: ErrorRecord, startedAt: number, endedAt: number): void {
    this.message.push(report.failed, slot, error, startedAt, endedAt);
  }
  iterates(slot: number, startedAt: number, endedAt: number): void {
    this.message.push(report.iterates, slot, startedAt, endedAt);
  }
  items(slot: number, items: unknown[]): void {
    this.message.push(report.items, slot, items);
  }
  iterated(slot: number, error: ErrorRecord | null): void {
    this.message.push(report.iterated, slot, error);
  }
  progress(slot: number, value: unknown): void {
    this.message.push(report.progress, slot, value);
  }
  aborted(slot: number, ticket: number): void {
    this.message.push(report.aborted, slot, ticket);
  }
  recalled(slot: number, ticket: number, isGivenBack: boolean): void {
    this.message.push(report.recalled, slot, ticket, isGivenBack);
  }
  measured(bytes: number): void {
    this.message.push(report.measured, bytes);
  }
  crashed(error: ErrorRecord): void {
    this.message.push(report.crashed, error);
  }
  ends(): void {
    this.message.push(report.ends);
  }
}

/** Tells `to` what the parent said. Who may write to a thread or process may run code there, so nothing is checked. */
export function readCommands(message: Message, to: Commands): void {
  for (let i = 0; i < message.length; i = endOfCommand(message, i)) {
    const op = message[i] as number;
    const a = message[i + 1] as number;
    const b = message[i + 2];
    const c = message[i + 3];
    switch (op) {
      case command.source:
        to.source(a, b as string);
        break;
      case command.reference:
        to.reference(a, b as string, c as string);
        break;
      case command.forget:
        to.forget();
        break;
      case command.run:
        to.run(
          a,
          b as number,
          c as number,
          message[i + 4] as TaskKey,
          message[i + 5] as number,
          message[i + 6],
          message.slice(i + 8, endOfCommand(message, i)),
        );
        break;
      case command.abort:
        to.abort(a, b as number, c as ErrorRecord);
        break;
      case command.recall:
        to.recall(a, b as number);
        break;
      case command.pull:
        to.pull(a, b as number);
        break;
      case command.close:
        to.close(a, b as number);
        break;
      case command.measure:
        to.measure();
        break;
      case command.stayAwake:
        to.stayAwake(a);
        break;
      case command.stop:
        to.stop();
        break;
    }
  }
}

/**
 * Tells `to` what a thread or process said. Tasks can get hold of the channel and write nonsense to it, so the form of
 * every operation is checked; throws a TypeError that says what is wrong.
 */
export function readReports(message: unknown, to: Reports): void {
  if (!Array.isArray(message)) throw new TypeError(`expected a message, got ${typeof message}`);
  for (let i = 0; i < message.length; ) {
    const op: unknown = message[i];
    const fields = typeof op === 'number' ? reportFields[op] : undefined;
    if (fields === undefined) throw new TypeError(`expected an operation at ${i}, got ${String(op)}`);
    if (i + fields >= message.length) throw new TypeError(`operation ${op} at ${i} lacks some of its ${fields} fields`);
    const a: unknown = message[i + 1];
    const b: unknown = message[i + 2];
    switch (op) {
      case report.ready:
        to.ready();
        break;
      case report.done:
        to.done(numeric(a), b, numeric(message[i + 3]), numeric(message[i + 4]));
        break;
      case report.failed:
        to.failed(numeric(a), errorRecord(b), numeric(message[i + 3]), numeric(message[i + 4]));
        break;
      case report.iterates:
        to.iterates(numeric(a), numeric(b), numeric(message[i + 3]));
        break;
      case report.items:
        if (!Array.isArray(b)) throw new TypeError(`expected an array of items, got ${typeof b}`);
        to.items(numeric(a), b);
        break;
      case report.iterated:
        to.iterated(numeric(a), b === null ? null : errorRecord(b));
        break;
      case report.progress:
        to.progress(numeric(a), b);
        break;
      case report.aborted:
        to.aborted(numeric(a), numeric(b));
        break;
      case report.recalled:
        to.recalled(numeric(a), numeric(b), message[i + 3] === true);
        break;
      case report.measured:
        to.measured(numeric(a));
        break;
      case report.crashed:
        to.crashed(errorRecord(a));
        break;
      case report.ends:
        to.ends();
        break;
    }
    i += 1 + fields;
  }
}

/** The operations of a message one by one, to be sent apart. */
export function split(message: Message, endOf: (message: Message, start: number) => number): Message[] {
  const parts: Message[] = [];
  for (let start = 0; start < message.length; ) {
    const end = endOf(message, start);
    parts.push(message.slice(start, end));
    start = end;
  }
  return parts;
}

function numeric(value: unknown): number {
  // One time that is no number would be in every mean from then on.
  if (!Number.isFinite(value))
    throw new TypeError(`expected a finite number, got ${typeof value === 'number' ? value : typeof value}`);
  return value as number;
}

function errorRecord(value: unknown): ErrorRecord {
  if (isErrorRecord(value)) return value;
  throw new TypeError(`expected an error record, got ${typeof value}`);
}
