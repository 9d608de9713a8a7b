import { EventEmitter } from 'eventemitter3';
import { checkFunction } from './check.js';
import { guard } from './logger.js';
import type { Logger } from './queue/options.js';

type Name<Events extends object> = EventEmitter.EventNames<Events>;
type Listener<Events extends object, E extends Name<Events>> = EventEmitter.EventListener<Events, E>;

/**
 * An emitter whose listeners can't disturb it: what one throws goes to the logger, or without one is thrown again in a
 * macrotask of its own, and the other listeners hear the event all the same.
 */
export class GuardedEmitter<Events extends object> extends EventEmitter<Events> {
  readonly #logger: Logger | undefined;
  /** What was put in each listener's place. Made with the first: there may be many emitters that nobody listens to. */
  #guarded: WeakMap<object, object> | null = null;

  /** The logger, if there is one, is from `checkLogger`. */
  constructor(logger?: Logger) {
    super();
    this.#logger = logger;
  }

  override on<E extends Name<Events>>(event: E, listener: Listener<Events, E>, context?: unknown): this {
    super.on(event, this.#guard(listener), context);
    this.listenersChanged();
    return this;
  }

  override addListener<E extends Name<Events>>(event: E, listener: Listener<Events, E>, context?: unknown): this {
    return this.on(event, listener, context);
  }

  override once<E extends Name<Events>>(event: E, listener: Listener<Events, E>, context?: unknown): this {
    super.once(event, this.#guard(listener), context);
    this.listenersChanged();
    return this;
  }

  override off<E extends Name<Events>>(
    event: E,
    listener?: Listener<Events, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    super.off(event, listener && this.#guard(listener), context, once);
    this.listenersChanged();
    return this;
  }

  override removeListener<E extends Name<Events>>(
    event: E,
    listener?: Listener<Events, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once);
  }

  override removeAllListeners(event?: Name<Events>): this {
    super.removeAllListeners(event);
    this.listenersChanged();
    return this;
  }

  /** Listeners have come or gone: for those who emit so often that asking for them each time would be dear. */
  protected listenersChanged(): void {}

  /** Calls something of the user's, who may throw, at once or later. */
  guard(call: () => unknown): void {
    guard(this.#logger, 'A listener', call);
  }

  #guard<E extends Name<Events>>(listener: Listener<Events, E>): Listener<Events, E> {
    checkFunction('listener', listener);
    this.#guarded ??= new WeakMap();
    let guarded = this.#guarded.get(listener) as Listener<Events, E> | undefined;
    if (guarded === undefined) {
      const emitter = this;
      guarded = function (this: unknown, ...args: unknown[]) {
        emitter.guard(() => Reflect.apply(listener, this, args) as unknown);
      } as Listener<Events, E>;
      this.#guarded.set(listener, guarded);
      // The base class itself removes what was put in the place of a `once` listener.
      this.#guarded.set(guarded, guarded);
    }
    return guarded;
  }
}
