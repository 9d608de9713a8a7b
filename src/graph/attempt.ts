import type { TaskHandle } from '../queue/task-handle.js';
import type { TaskQueue } from '../queue/task-queue.js';
import { loadTask } from '../tasks/load-task.js';
import { runInContext } from '../tasks/task-context.js';
import { type AnyFunction, isTaskRef, type TaskRef } from '../tasks/task-module.js';
import { isThenable, toPromise } from '../tasks/thenable.js';
import { unwrap } from '../tasks/transferable.js';
import { onBegun } from './begun.js';
import type { TaskNode } from './task-node.js';
import type { NodeContext, Results, Work } from './work.js';

/** What an attempt tells its node. One of the last three comes once, at the end. */
export interface AttemptHost {
  readonly node: TaskNode;
  readonly work: Work;
  /** How often the node has been begun, this time included. */
  readonly attempts: number;
  results(): Results;
  begun(attempt: Attempt): void;
  returned(attempt: Attempt, value: unknown): void;
  threw(attempt: Attempt, error: unknown): void;
  /** The queue cancelled it. */
  dropped(attempt: Attempt, error: unknown): void;
}

/** One run of a node's function, in the main thread or through a queue. */
export class Attempt implements NodeContext {
  readonly #host: AttemptHost;
  #results: Results | null = null;
  #controller: AbortController | null = null;
  #handle: TaskHandle | null = null;
  /** Why it was cancelled, if it was. */
  #cancellation: Error | null = null;

  constructor(host: AttemptHost) {
    this.#host = host;
  }

  get node(): TaskNode {
    return this.#host.node;
  }

  get results(): Results {
    this.#results ??= this.#host.results();
    return this.#results;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#cancellation !== null) this.#controller.abort(this.#cancellation);
    }
    return this.#controller.signal;
  }

  get cancellation(): Error | null {
    return this.#cancellation;
  }

  /** Tells the function that nobody wants its result any more. */
  cancel(error: Error): void {
    this.#cancellation = error;
    this.#controller?.abort(error);
    this.#handle?.cancel(error.cause);
  }

  /** Runs the function here. Returns a promise if it takes longer than the call. */
  runHere(): Promise<void> | undefined {
    let result: unknown;
    let pending: Promise<unknown> | null;
    try {
      const { fn } = this.#host.work;
      result = isTaskRef(fn) ? this.#runReference(fn) : fn(this, ...this.#args());
      pending = isThenable(result) ? toPromise(result) : null;
    } catch (error) {
      this.#host.threw(this, error);
      return undefined;
    }
    if (pending === null) {
      this.#host.returned(this, result);
      return undefined;
    }
    return pending.then(
      (value) => this.#host.returned(this, value),
      (error: unknown) => this.#host.threw(this, error),
    );
  }

  async #runReference({ url, name }: TaskRef): Promise<unknown> {
    const args = this.#args();
    const { series, id = this.node.name } = this.#host.work.call;
    const context = { id, attempt: this.#host.attempts, series, workerId: 0, report: () => {}, signal: this.signal };
    const fn = await loadTask(url, name);
    return unwrap(await runInContext({ context: () => context }, fn as AnyFunction, args));
  }

  /** Puts the task reference into the queue. Throws what is wrong with the call. */
  runThrough(queue: TaskQueue): void {
    const { fn, call } = this.#host.work;
    const handle = queue.submit(fn as TaskRef, this.#args(), call);
    this.#handle = handle;
    const unwatch = onBegun(queue, handle, () => this.#host.begun(this));
    handle.promise.then(
      (value) => {
        unwatch();
        this.#host.returned(this, value);
      },
      (error: unknown) => {
        unwatch();
        if (handle.state === 'cancelled') this.#host.dropped(this, error);
        else this.#host.threw(this, error);
      },
    );
  }

  #args(): readonly unknown[] {
    const { args } = this.#host.work;
    return typeof args === 'function' ? args(this) : args;
  }
}
