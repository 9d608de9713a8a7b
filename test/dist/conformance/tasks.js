import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { taskContext, transferable } from 'niceq';

// Tasks for the tests of workers. What they remember lives as long as their thread or process.

export const add = (a, b) => a + b;

export async function addLater(a, b) {
  await null;
  return a + b;
}

export const echo = (...values) => values;
export const echoOne = (value) => value;

// --- counters: objects with an `n`, or a Map of it -------------------------------------------------------------------

export function countIn(counter) {
  if (counter instanceof Map) return counter.set('n', counter.get('n') + 1).get('n');
  counter.n += 1;
  return counter.n;
}

let kept;
export function keepCounter(counter) {
  kept = counter;
}

export function countKept() {
  countIn(kept);
  return kept;
}

export function reportCounter(counter, times) {
  const { report } = taskContext();
  for (let i = 0; i < times; i++) {
    countIn(counter);
    report(counter);
  }
}

export function* yieldCounter(counter, times) {
  for (let i = 0; i < times; i++) {
    countIn(counter);
    yield counter;
  }
}

// --- state ----------------------------------------------------------------------------------------------------------

let count = 0;
export function next() {
  count += 1;
  return count;
}

const records = [];
export function record(item) {
  records.push(item);
}

export function recorded() {
  return records.splice(0);
}

/** Fails while there is a file at `path`. */
export function recordUnless(path, item) {
  if (existsSync(path)) throw new Error(`There is ${path}`);
  records.push(item);
}

const hoard = [];
export function grow(bytes) {
  hoard.push(Buffer.alloc(bytes, 1));
}

export const pid = () => process.pid;

// --- waiting --------------------------------------------------------------------------------------------------------

function visit(port, message) {
  const socket = connect(port);
  socket.write(message);
  return once(socket.resume(), 'close');
}

/** Tells the gate that it has come, and goes on; the gate may have been closed meanwhile. */
function tell(port, name) {
  visit(port, name).catch(() => {});
}

/** Tells the gate that it has come, and waits until that lets it through. */
export async function pass(port, name) {
  await visit(port, name);
  return name;
}

/** Says how far it is, and then waits at the gate. */
export async function reportAndPass(port, name, progress) {
  taskContext().report(progress);
  return pass(port, name);
}

/** Comes to the gate, waits until it is cancelled, and comes again with the reason, to be let through. */
export async function untilAborted(port, name) {
  const { signal } = taskContext();
  tell(port, name);
  if (!signal.aborted) await once(signal, 'abort');
  await visit(port, String(signal.reason?.message ?? signal.reason));
  return 'ended by itself';
}

/** Comes to the gate and, once it is let through, blocks its thread for so many milliseconds. */
export async function blockFor(port, name, time) {
  await visit(port, name);
  for (const end = performance.now() + time; performance.now() < end; );
  return name;
}

/** Comes to the gate and, once it is let through, blocks its thread for ever. */
export async function block(port, name) {
  await visit(port, name);
  for (;;);
}

/** Comes to the gate and never ends, without blocking its thread. */
export async function hang(port, name) {
  tell(port, name);
  await new Promise(() => {});
}

export async function sleep(time) {
  await new Promise((resolve) => {
    setTimeout(resolve, time);
  });
}

// --- what they should leave alone -----------------------------------------------------------------------------------

/** Says something to the parent past the worker's own channel. */
export function chat(messages) {
  for (const message of messages) parentPort.postMessage(message);
  return 'sent';
}

/** Writes bytes to a file descriptor, and never ends. */
export function writeBytes(descriptor, bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
  return new Promise(() => {});
}

/** Starts a process that goes on when this one has ended. */
export function leaveBehind() {
  return spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore', detached: true }).pid;
}

let ticked = 0;

/** Counts from now on what its timer does. */
export function startTicking() {
  setInterval(() => ticked++, 1).unref();
}

export function ticks() {
  return ticked;
}

// --- the context ----------------------------------------------------------------------------------------------------

export function contextOf() {
  const { id, attempt, series, workerId, signal } = taskContext();
  return { id, attempt, series, workerId, isSignal: signal instanceof AbortSignal, isAborted: signal.aborted };
}

export async function contextTooLate() {
  await null;
  taskContext();
}

export async function report(...items) {
  const { report } = taskContext();
  for (const item of items) {
    report(item);
    await null;
  }
  return items.length;
}

export function reportUncloneable() {
  taskContext().report(() => 1);
  return 'reported';
}

// --- transfer -------------------------------------------------------------------------------------------------------

export const lengthOf = (buffer) => buffer.byteLength;

/** Marks a part of its result, not all of it. */
export const handOverPart = () => ({ rows: [{ pixels: transferable(new Uint8Array(1), []) }] });

let handedOver = new ArrayBuffer(0);
export function handOver(bytes) {
  handedOver = new ArrayBuffer(bytes);
  return transferable({ buffer: handedOver }, [handedOver]);
}

export const lengthLeft = () => handedOver.byteLength;

// --- errors ---------------------------------------------------------------------------------------------------------

const builtIns = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

export function throwBuiltIn(name, message) {
  throw new builtIns[name](message);
}

export function throwDomException() {
  throw new DOMException('no longer wanted', 'AbortError');
}

class TeapotError extends RangeError {
  constructor(message, options) {
    super(message, options);
    this.name = 'TeapotError';
    this.status = 418;
    this.brewed = new Map([['tea', 1n]]);
    this.errors = { spout: 'too short' };
  }
}

export function throwCustom() {
  throw new TeapotError('short and stout');
}

export function throwChain() {
  const root = new TypeError('the root');
  const middle = new TeapotError('the middle', { cause: root });
  throw new Error('the top', { cause: middle });
}

export function throwCycle() {
  const error = new Error('round');
  error.cause = error;
  throw error;
}

export function throwContext() {
  const error = Object.assign(new RangeError('in its own context'), { context: {} });
  error.context = { error };
  throw error;
}

export function throwDeep(levels) {
  let error;
  for (let i = 0; i < levels; i++) error = new Error(String(i), { cause: error });
  throw error;
}

export function throwAggregate() {
  throw new AggregateError([new TypeError('one'), new TeapotError('two'), 'three'], 'several');
}

export function throwUncloneableProperty() {
  throw Object.assign(new Error('with a function'), { callback: () => 1, code: 'E_KEPT' });
}

export function throwValue(value) {
  throw value;
}

export function throwUncloneableValue() {
  throw () => 1;
}

export async function rejectLater(message) {
  await null;
  throw new TypeError(message);
}

export const uncloneable = () => ({ rows: [{ ok: true }, { render() {} }] });

export const notAFunction = 42;

// --- ends -----------------------------------------------------------------------------------------------------------

export function exit(code, times = Number.POSITIVE_INFINITY) {
  const { attempt } = taskContext();
  if (attempt <= times) process.exit(code);
  return attempt;
}

/** Makes a file when its thread or process ends in order. */
export function cleanUpAtExit(path) {
  process.once('exit', () => writeFileSync(path, 'cleaned up'));
}

export function exitWith(_buffer) {
  process.exit(1);
}

export async function complainAndExit(text) {
  await new Promise((resolve) => {
    process.stderr.write(text, resolve);
  });
  process.exit(1);
}

export function throwAfterwards(message) {
  setImmediate(() => {
    throw new Error(message);
  });
  return 'returned';
}

export function rejectAfterwards(message) {
  setImmediate(() => Promise.reject(new Error(message)));
  return 'returned';
}

export function killItself(signal) {
  process.kill(process.pid, signal);
  return new Promise(() => {});
}

export function exhaustMemory() {
  const hoard = [];
  for (;;) hoard.push(new Array(10_000).fill(hoard.length));
}

export function interruptItself() {
  process.kill(process.pid, 'SIGINT');
}
