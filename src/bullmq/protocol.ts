import { type ErrorRecord, isErrorRecord } from '../protocol/error-record.js';
import { decode, encodeList } from './codec.js';
import { isEntry } from './kept-updates.js';

/**
 * What callers and servers say to each other.
 *
 * A task travels to a server as a job of BullMQ. Everything else is a message of one operation, in the inbox of the
 * member it is for: the operation's name, then its fields. A task is known by its caller, and by a number that this
 * caller never uses again. Messages may arrive twice when a connection breaks: none has a further effect the second time,
 * but a `pull`, after which one batch more may be under way.
 */

/** A task on its way to a server: the data of a job. */
export interface JobData {
  readonly caller: string;
  readonly job: number;
  readonly module: string;
  readonly name: string;
  readonly id: string;
  readonly attempt: number;
  /** The last kept update that must have run before it; '' for none. */
  readonly update: string;
  /** The arguments and the series, encoded. */
  readonly payload: string;
}

/** What servers tell a caller. Times are epoch milliseconds. */
export interface Reports {
  started(job: number, server: string, at: number): void;
  done(job: number, value: unknown, startedAt: number, endedAt: number): void;
  failed(job: number, error: ErrorRecord, startedAt: number, endedAt: number): void;
  /** What ran the task has died, or the server that had it. */
  lost(job: number, error: ErrorRecord): void;
  /** The task has returned an iterator; `iterated` follows. */
  iterates(job: number, startedAt: number, endedAt: number): void;
  /** Batches are numbered from 0. */
  items(job: number, batch: number, items: unknown[]): void;
  /** The iteration is over, and why if something went wrong. */
  iterated(job: number, error: ErrorRecord | null): void;
  progress(job: number, value: unknown): void;
  /** The server has run the update, or it failed there. */
  updated(job: number, server: string, value: unknown, error: ErrorRecord | null): void;
}

/** What callers tell a server. */
export interface Orders {
  /** The task, or its iteration, should end. */
  abort(caller: string, job: number, reason: ErrorRecord): void;
  /** The reader of the iteration wants the first batch, or has read the oldest. */
  pull(caller: string, job: number): void;
  /** The reader of the iteration leaves. Is answered with `iterated`. */
  close(caller: string, job: number): void;
  /** Run the kept updates up to this one. Is answered with `updated`. */
  keep(caller: string, job: number, entry: string): void;
  /** Run this update, once. Is answered with `updated`. */
  update(caller: string, job: number, module: string, name: string, args: unknown[]): void;
}

/** What a member calls to another one, on its channel, when its inbox takes nothing more. */
export interface Calls {
  /** Redis has refused what this one had to say of these tasks. They are those of one of the two. */
  refused(member: string, jobs: number[], why: string): void;
}

type Vocabulary = Reports | Orders | Calls;

/** An operation and its fields. */
export type Message<V> = {
  [K in keyof V]: V[K] extends (...fields: infer Fields) => void ? readonly [operation: K, ...Fields] : never;
}[keyof V];

type Check = (value: unknown) => boolean;

const anything: Check = () => true;
const text: Check = (value) => typeof value === 'string';
const entry: Check = (value) => typeof value === 'string' && isEntry(value);
const number: Check = (value) => Number.isFinite(value);
const list: Check = (value) => Array.isArray(value);
const numbers: Check = (value) => Array.isArray(value) && value.every(number);
const error: Check = isErrorRecord;
const errorOrNull: Check = (value) => value === null || isErrorRecord(value);

/** The form of every operation's fields. */
export const reports: Record<keyof Reports, readonly Check[]> = {
  started: [number, text, number],
  done: [number, anything, number, number],
  failed: [number, error, number, number],
  lost: [number, error],
  iterates: [number, number, number],
  items: [number, number, list],
  iterated: [number, errorOrNull],
  progress: [number, anything],
  updated: [number, text, anything, errorOrNull],
};

export const orders: Record<keyof Orders, readonly Check[]> = {
  abort: [text, number, error],
  pull: [text, number],
  close: [text, number],
  keep: [text, number, entry],
  update: [text, number, text, text, list],
};

export const calls: Record<keyof Calls, readonly Check[]> = {
  refused: [text, numbers, text],
};

/** Throws for what can't be sent. */
export function write<V extends Vocabulary>(message: Message<V>): string {
  return encodeList(message);
}

/** Tells `to` what a text says. Whoever reaches Redis can write anything, so the form is checked: throws a TypeError. */
export function read<V extends Vocabulary>(
  message: string,
  forms: Record<keyof V & string, readonly Check[]>,
  to: V,
): void {
  const parts = decode(message);
  if (!Array.isArray(parts)) throw new TypeError(`expected a message, got ${typeof parts}`);
  const [operation, ...fields] = parts as [keyof V & string, ...unknown[]];
  const checks = Object.hasOwn(forms, operation) ? forms[operation] : undefined;
  if (checks === undefined) throw new TypeError(`expected an operation, got ${String(operation)}`);
  if (fields.length !== checks.length || !checks.every((check, i) => check(fields[i]))) {
    throw new TypeError(`the fields of the operation ${operation} are none of what they may be`);
  }
  (to[operation] as (...fields: unknown[]) => void)(...fields);
}

/** A job's data, if it has the form of one of ours: throws a TypeError. */
export function readJob(data: unknown): JobData {
  const { caller, job, module, name, id, attempt, update, payload } = (data ?? {}) as Partial<JobData>;
  const isOurs =
    [caller, module, name, id, payload].every(text) &&
    (update === '' || entry(update)) &&
    number(job) &&
    Number.isInteger(attempt);
  if (!isOurs) throw new TypeError('the data of the job are none of what they may be');
  return data as JobData;
}
