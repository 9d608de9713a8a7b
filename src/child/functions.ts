import { MeanTime } from '../mean-time.js';
import { loadTask } from '../tasks/load-task.js';
import type { AnyFunction } from '../tasks/task-module.js';

/** Below this mean run time, in milliseconds, a result may wait for the next task of the same function. */
const SHORT = 0.05;

/** A function the parent has named: how to get it, and how long it takes. */
export class TaskFunction {
  /** Null until it was loaded. */
  fn: AnyFunction | null = null;
  /** Whether it came as source text, without what surrounded it. */
  readonly isSource: boolean;
  readonly #load: () => AnyFunction | Promise<AnyFunction>;
  readonly meanTime = new MeanTime();

  private constructor(isSource: boolean, load: () => AnyFunction | Promise<AnyFunction>) {
    this.isSource = isSource;
    this.#load = load;
  }

  static fromSource(source: string): TaskFunction {
    return new TaskFunction(true, () => evaluate(source));
  }

  static fromModule(url: string, name: string): TaskFunction {
    return new TaskFunction(false, () => loadTask(url, name));
  }

  /** Gets the function; what fails is tried again by the next task, as Node remembers failed imports itself. */
  async load(): Promise<AnyFunction> {
    this.fn = await this.#load();
    return this.fn;
  }

  get isShort(): boolean {
    return this.meanTime.value < SHORT;
  }
}

/**
 * Makes the function of a source text, which was checked to be one expression. `__name` is what bundlers leave in
 * functions to keep their names; its definition did not come along.
 */
function evaluate(source: string): AnyFunction {
  // biome-ignore lint/security/noGlobalEval: running the caller's functions is what a worker is for.
  const indirectEval = eval;
  return indirectEval(`((__name) => ${source})`)((fn: unknown) => fn) as AnyFunction;
}
