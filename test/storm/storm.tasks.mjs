// What a storm runs. Before anything else every body writes down that it has begun: short appends are atomic, so no
// line is lost, whoever dies next.
import { appendFileSync, writeSync } from 'node:fs';
import { taskContext } from 'niceq';

function begin(log, id) {
  const context = taskContext();
  appendFileSync(log, `${id} ${context.attempt}\n`);
  return context;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function value(log, id) {
  const { attempt } = begin(log, id);
  return { id, attempt };
}

export async function wait(log, id, ms) {
  const { attempt } = begin(log, id);
  await (ms === 0 ? turn() : sleep(ms));
  return { id, attempt };
}

/** Takes longer than it may. Unless it is deaf it ends when it is told to. */
export async function slow(log, id, isDeaf) {
  const { attempt, signal } = begin(log, id);
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, 30);
    if (isDeaf) return;
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return { id, attempt };
}

export function burn(log, id, ms) {
  const { attempt } = begin(log, id);
  const end = performance.now() + ms;
  while (performance.now() < end);
  return { id, attempt };
}

export function progress(log, id) {
  const { attempt, report } = begin(log, id);
  report(id);
  return { id, attempt };
}

/** Fails in its first `times` attempts. */
export function flaky(log, id, times) {
  const { attempt } = begin(log, id);
  if (attempt <= times) throw Object.assign(new RangeError(`storm ${id}`), { id });
  return { id, attempt };
}

/** Ends its thread or process in its first `times` attempts. */
export function exit(log, id, times) {
  const { attempt } = begin(log, id);
  if (attempt <= times) process.exit(7);
  return { id, attempt };
}

/** Returns, and then throws where nobody can catch it. */
export function late(log, id) {
  const { attempt } = begin(log, id);
  setImmediate(() => {
    throw new Error(`late ${id}`);
  });
  return { id, attempt };
}

export function exhaust(log, id) {
  begin(log, id);
  const hoard = [];
  for (;;) hoard.push(new Array(10_000).fill(id));
}

export function block(log, id) {
  begin(log, id);
  for (;;);
}

export async function hang(log, id) {
  begin(log, id);
  await new Promise(() => {});
}

export function uncloneable(log, id) {
  begin(log, id);
  return { inner: [() => id] };
}

export async function* items(_log, id, count) {
  for (let i = 0; i < count; i++) {
    if (i % 3 === 0) await turn();
    yield id + i;
  }
}

/** Writes to the channel to the parent what is no message. */
export function garble(log, id) {
  begin(log, id);
  writeSync(3, `nonsense of ${id}`);
  return turn();
}
