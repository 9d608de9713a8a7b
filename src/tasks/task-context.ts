/** What a running task knows about itself. */
export interface TaskContext {
  /** The task's `id`. */
  readonly id: string;
  /** 1 for the first run, 2 for the second... */
  readonly attempt: number;
  /** Aborts when the task is cancelled or has run out of time. */
  readonly signal: AbortSignal;
  /** The series it belongs to. In a thread or process objects, symbols and functions arrive as undefined. */
  readonly series: unknown;
  /** The id of the worker that runs it. */
  readonly workerId: number;
  /** Reports progress to whoever listens: any value that can be cloned. */
  report(progress: unknown): void;
}

/** What can tell the context of a task, once somebody asks. */
export interface ContextSource {
  context(): TaskContext;
}

/**
 * One slot for the whole thread, under a registered symbol: a task module and the worker's own code may have loaded
 * different copies of the package.
 */
const SLOT = Symbol.for('niceq.currentTask');
const shared = globalThis as { [SLOT]?: { current: ContextSource | undefined } };
// Looked up once: every task reads and writes it, and properties of the global object are slow.
shared[SLOT] ??= { current: undefined };
const slot = shared[SLOT];

/**
 * The context of the running task. Call it in the task before its first `await`; afterwards other tasks may run in
 * between, and nothing tells which one asks.
 *
 * @throws Error when no task is running, or the calling one has already awaited something.
 *
 * @example
 * ```ts
 * export async function crawl(urls: string[]) {
 *   const { signal, report } = taskContext();
 *   for (const [i, url] of urls.entries()) {
 *     await fetch(url, { signal });
 *     report(i / urls.length);
 *   }
 * }
 * ```
 */
export function taskContext(): TaskContext {
  const { current } = slot;
  if (current === undefined) {
    throw new Error(
      'taskContext() knows the task only before its first await: call it at the top of the task function',
    );
  }
  return current.context();
}

/** The task that is running, up to its first await, if one is. */
export function currentSource(): ContextSource | undefined {
  return slot.current;
}

/** Runs `fn`, up to its first await, as the task that `source` knows the context of. */
export function runInContext<T>(source: ContextSource, fn: (...args: never[]) => T, args: readonly unknown[]): T {
  const outer = slot.current;
  slot.current = source;
  try {
    return fn(...(args as never[]));
  } finally {
    slot.current = outer;
  }
}
