import { EventEmitter } from 'eventemitter3';
import type { IWorker } from '../workers/worker.js';
import type { Logger } from './options.js';
import type { TaskHandle } from './task-handle.js';

/** Why a series does not move: no worker may serve it, or every place is taken by tasks that wait for calls of their own. */
export type StallReason = 'unserved' | 'deadlock';

/** What a queue tells, with what. */
export interface QueueEvents {
  /** A task waits. */
  queued: [task: TaskHandle];
  /** A worker has begun it. */
  started: [task: TaskHandle];
  /** It reported how far it is. */
  progress: [task: TaskHandle, progress: unknown];
  done: [task: TaskHandle];
  failed: [task: TaskHandle, error: unknown];
  cancelled: [task: TaskHandle, reason: unknown];
  /** It is to be run again after `error`. */
  retry: [task: TaskHandle, error: unknown];
  /** Nothing waits and nothing has started. */
  idle: [];
  /** Nothing waits. */
  empty: [];
  /** Tasks of `series` can't start; `ids` are the tasks that hold each other up. */
  stalled: [series: unknown, reason: StallReason, ids: readonly string[]];
  workerAttached: [worker: IWorker];
  /** It can't go on and was dropped. */
  workerLost: [worker: IWorker, error: Error];
  /** Its thread or process died or had its time, and a new one has taken its place. */
  workerReplaced: [worker: IWorker];
  workerDetached: [worker: IWorker];
}

type Event = keyof QueueEvents;
type Listener<E extends Event> = EventEmitter.EventListener<QueueEvents, E>;

/**
 * An emitter whose listeners can't disturb it: what one throws goes to the logger, or without one is thrown again in a
 * macrotask of its own, and the other listeners hear the event all the same.
 */
export class GuardedEmitter extends EventEmitter<QueueEvents> {
  readonly #logger: Logger | undefined;
  /** What was put in each listener's place. */
  readonly #guarded = new WeakMap<object, object>();

  constructor(logger: Logger | undefined) {
    super();
    this.#logger = logger;
  }

  override on<E extends Event>(event: E, listener: Listener<E>, context?: unknown): this {
    return super.on(event, this.#guard(listener), context);
  }

  override addListener<E extends Event>(event: E, listener: Listener<E>, context?: unknown): this {
    return this.on(event, listener, context);
  }

  override once<E extends Event>(event: E, listener: Listener<E>, context?: unknown): this {
    return super.once(event, this.#guard(listener), context);
  }

  override off<E extends Event>(event: E, listener?: Listener<E>, context?: unknown, once?: boolean): this {
    return super.off(event, listener && this.#guard(listener), context, once);
  }

  override removeListener<E extends Event>(event: E, listener?: Listener<E>, context?: unknown, once?: boolean): this {
    return this.off(event, listener, context, once);
  }

  /** Calls something of the user's, who may throw. */
  guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      if (this.#logger !== undefined) this.#logger.error('A listener threw', error);
      else
        setImmediate(() => {
          throw error;
        });
    }
  }

  #guard<E extends Event>(listener: Listener<E>): Listener<E> {
    let guarded = this.#guarded.get(listener) as Listener<E> | undefined;
    if (guarded === undefined) {
      const emitter = this;
      guarded = function (this: unknown, ...args: unknown[]) {
        emitter.guard(() => Reflect.apply(listener, this, args));
      } as Listener<E>;
      this.#guarded.set(listener, guarded);
      // The base class itself removes what was put in the place of a `once` listener.
      this.#guarded.set(guarded, guarded);
    }
    return guarded;
  }
}
