import type { TaskHandle } from '../queue/task-handle.js';

/** What a map needs of its queue. */
export interface MapSetup<T> {
  /** Submits the task of one item. */
  submit(item: T, index: number): TaskHandle;
  /** Resolves when the queue has room for one more task. */
  hasRoom(): Promise<void>;
  /** How many results may be on their way or waiting to be read. */
  readonly inFlight: number;
  /** Whether results come in the order of the input, or as tasks end. */
  readonly isOrdered: boolean;
  readonly signal: AbortSignal | undefined;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * The results of a function over an input that is pulled as they are read.
 *
 * Invariant: of the input at most `inFlight` items are ahead of the reader, be they running, done and not read, or
 * being pulled.
 */
export async function* mapTasks<T>(
  input: Iterable<T> | AsyncIterable<T>,
  setup: MapSetup<T>,
): AsyncGenerator<unknown, void, undefined> {
  const { inFlight, isOrdered, signal } = setup;
  const source = iterate(input);
  /** Tasks that were submitted and whose results were not read, in input order. */
  const handles = new Set<TaskHandle>();
  /** Those of them that have ended, in the order in which they did. */
  const outcomes = new Map<TaskHandle, Outcome>();
  let index = 0;
  let isAtEnd = false;
  let isPulling = false;
  let failure: { readonly error: unknown } | null = null;
  let wake = () => {};

  const fail = (error: unknown) => {
    failure ??= { error };
    wake();
  };
  const settled = (handle: TaskHandle, outcome: Outcome) => {
    if ('error' in outcome) fail(outcome.error);
    outcomes.set(handle, outcome);
    wake();
  };
  const pull = async () => {
    isPulling = true;
    try {
      while (!isAtEnd && failure === null && handles.size < inFlight) {
        await setup.hasRoom();
        const { value, done } = await source.next();
        if (done) isAtEnd = true;
        else if (failure === null) {
          const handle = setup.submit(value, index++);
          handles.add(handle);
          handle.promise.then(
            (value) => settled(handle, { value }),
            (error) => settled(handle, { error }),
          );
        }
      }
    } catch (error) {
      isAtEnd = true;
      fail(error);
    } finally {
      isPulling = false;
      wake();
    }
  };
  const onAbort = () => fail(signal?.reason);

  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    for (;;) {
      if (!isPulling && !isAtEnd && handles.size < inFlight) void pull();
      // An error counts at once, results in their order.
      if (failure !== null) throw (failure as { readonly error: unknown }).error;
      const next: TaskHandle | undefined = (isOrdered ? handles.values() : outcomes.keys()).next().value;
      const outcome = next === undefined ? undefined : outcomes.get(next);
      if (next !== undefined && outcome !== undefined) {
        handles.delete(next);
        outcomes.delete(next);
        yield (outcome as { readonly value: unknown }).value;
      } else if (isAtEnd && handles.size === 0) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    failure ??= { error: undefined };
    signal?.removeEventListener('abort', onAbort);
    for (const handle of handles) handle.cancel();
    if (!isAtEnd) await source.return?.();
  }
}

function iterate<T>(input: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> {
  if (Symbol.asyncIterator in input) return input[Symbol.asyncIterator]();
  const iterator = input[Symbol.iterator]();
  return {
    async next() {
      const { value, done = false } = iterator.next();
      return { value: await value, done };
    },
    async return() {
      iterator.return?.();
      return { value: undefined, done: true };
    },
  };
}
