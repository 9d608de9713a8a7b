import {
  checkBoolean,
  checkCount,
  checkDuration,
  checkInteger,
  checkNumber,
  checkOptions,
  checkSignal,
  checkString,
  wrongType,
} from '../check.js';
import { NotPortableError } from '../errors.js';
import { checkConsumer } from '../iteration/feed.js';
import { sourceOf } from '../protocol/portable.js';
import { ANY, LOCAL, only, type Requirement } from '../scheduling/acceptance.js';
import { type Band, DO_LAST, DO_NEXT, NORMAL } from '../scheduling/lane.js';
import { type AnyFunction, isTaskRef, type TaskRef } from '../tasks/task-module.js';
import type { CallOptions, RetryOptions, RetryPolicy } from './options.js';
import { Task, type TaskSettings } from './task.js';

/** What a call comes to: a task, and where it waits. */
export interface Call {
  readonly task: Task;
  readonly band: Band;
  readonly requirement: Requirement;
}

const NONE: CallOptions = {};

/** Shared, as most calls have none and each may wait for long. */
const NO_ARGS: unknown[] = Object.freeze([]) as unknown as unknown[];

/** Checks a call and makes its task. Throws TypeError, RangeError or NotPortableError. */
export function makeCall(
  fn: AnyFunction | TaskRef,
  args: unknown,
  options: CallOptions = NONE,
  defaults: TaskSettings,
): Call {
  const isRef = checkCallee(fn);
  if (args !== undefined && !Array.isArray(args)) throw wrongType('args', 'an array', args);
  checkOptions('options', options);
  const { series, niceness = 0, on, doNext = false, doLast = false } = options;
  if (niceness !== 0) checkInteger('niceness', niceness, -20, 20);
  const band = bandOf(doNext, doLast);
  const settings = settingsOf(options, band, defaults);
  const requirement = requirementOf(fn, isRef, on);
  const kept = args === undefined || args.length === 0 ? NO_ARGS : args;
  return { task: new Task(fn, kept, series, niceness, settings), band, requirement };
}

/** Throws TypeError or RangeError for options that no call would take. */
export function checkCallOptions(options: CallOptions): void {
  makeCall(anything, [], options, unowned);
}

/** Something that every kind of worker takes. */
const anything: TaskRef = { url: 'data:text/javascript,', name: 'anything' };

/** Settings of a task that nobody will run. */
const unowned: TaskSettings = {
  id: undefined,
  timeout: Number.POSITIVE_INFINITY,
  retry: { lost: 0, timeout: 0, error: 0, delay: 0 },
  weight: 1,
  signal: undefined,
  transfer: [],
  consumer: undefined,
  isUrgent: false,
  owner: { cancel: () => false, renice: () => false, abort: () => {}, guard: () => {} },
};

/** Throws unless `fn` is a function or a task reference; tells whether it is a reference. */
export function checkCallee(fn: unknown): boolean {
  if (typeof fn === 'function') return false;
  if (isTaskRef(fn)) return true;
  throw wrongType('fn', 'a function or a task reference', fn);
}

function bandOf(doNext: unknown, doLast: unknown): Band {
  if (doNext === false && doLast === false) return NORMAL;
  checkBoolean('doNext', doNext);
  checkBoolean('doLast', doLast);
  if (doNext && doLast) throw new TypeError('Expected one of `doNext` and `doLast`, got both');
  return doNext ? DO_NEXT : DO_LAST;
}

function requirementOf(fn: AnyFunction | TaskRef, isRef: boolean, on: unknown): Requirement {
  if (on === undefined) return isRef ? ANY : 'closure';
  checkString('on', on);
  if (on === 'local') return isRef ? LOCAL : 'closure';
  if (!isRef && (on === 'thread' || on === 'process')) sourceOf(fn as AnyFunction);
  if (!isRef && on === 'remote') {
    throw new NotPortableError(
      `The function \`${(fn as AnyFunction).name}\` can't be sent to another machine, which takes task references only: use a task module`,
    );
  }
  return only(on as string);
}

function settingsOf(options: CallOptions, band: Band, defaults: TaskSettings): TaskSettings {
  const { id, timeout, retry, weight, signal, transfer, consumer } = options;
  const isUrgent = band === DO_NEXT;
  if (
    !isUrgent &&
    id === undefined &&
    timeout === undefined &&
    retry === undefined &&
    weight === undefined &&
    signal === undefined &&
    transfer === undefined &&
    consumer === undefined
  ) {
    return defaults;
  }
  if (transfer !== undefined && !Array.isArray(transfer))
    throw wrongType('transfer', 'an array of transferable objects', transfer);
  return {
    id: id === undefined ? undefined : checkString('id', id),
    timeout: timeout === undefined ? defaults.timeout : checkTimeout(timeout),
    retry: retry === undefined ? defaults.retry : { ...defaults.retry, ...checkRetry(retry) },
    weight: weight === undefined ? 1 : checkNumber('weight', weight, 0.001, 1000),
    signal: signal === undefined ? undefined : checkSignal('signal', signal),
    transfer: transfer ?? defaults.transfer,
    consumer: consumer === undefined ? undefined : checkConsumer(consumer),
    isUrgent,
    owner: defaults.owner,
  };
}

/** Infinity is none. */
export function checkTimeout(timeout: unknown): number {
  return checkDuration('timeout', timeout, { infinity: true });
}

/** Returns what `retry` names of a policy. */
export function checkRetry(retry: RetryOptions): Partial<RetryPolicy> {
  checkOptions('retry', retry);
  const { lost, timeout, error, delay } = retry;
  const policy: Partial<RetryPolicy> = {};
  if (lost !== undefined) policy.lost = checkCount('retry.lost', lost, 0);
  if (timeout !== undefined) policy.timeout = checkCount('retry.timeout', timeout, 0);
  if (error !== undefined) policy.error = typeof error === 'function' ? error : checkCount('retry.error', error, 0);
  if (delay !== undefined) {
    policy.delay = typeof delay === 'function' ? delay : checkDuration('retry.delay', delay, { zero: true });
  }
  return policy;
}
