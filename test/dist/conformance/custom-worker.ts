import { type AnyFunction, type Assignment, type IWorker, NiceqError, type TaskRef } from 'niceq';

/** A worker as somebody else would write it: runs tasks in the main thread, and holds some ahead of their turn. */
export class CustomWorker implements IWorker {
  id?: number;
  readonly kind = 'custom';
  readonly series: readonly unknown[] | null;
  readonly concurrency: number;
  readonly #held: Assignment[] = [];
  #running = 0;

  constructor({ concurrency = 1, series }: { concurrency?: number; series?: readonly unknown[] } = {}) {
    this.concurrency = concurrency;
    this.series = series ?? null;
  }

  async start(): Promise<void> {}

  run(assignment: Assignment): void {
    this.#held.push(assignment);
    queueMicrotask(() => this.#proceed());
  }

  holds(): boolean {
    return this.#held.length < 5;
  }

  recall(assignment: Assignment): boolean {
    const index = this.#held.indexOf(assignment);
    if (index !== -1) this.#held.splice(index, 1);
    return index !== -1;
  }

  async stop(): Promise<void> {}

  crash(): void {
    this.#held.length = 0;
  }

  #proceed(): void {
    while (this.#running < this.concurrency) {
      const assignment = this.#held.shift();
      if (assignment === undefined) return;
      void this.#perform(assignment);
    }
  }

  async #perform(assignment: Assignment): Promise<void> {
    this.#running += 1;
    assignment.started();
    try {
      const { fn } = assignment;
      assignment.done(await assignment.invoke(typeof fn === 'function' ? fn : await load(fn)));
    } catch (error) {
      assignment.fail(error);
    } finally {
      this.#running -= 1;
      this.#proceed();
    }
  }
}

const modules = new Map<string, Promise<Record<string, unknown>>>();

async function load({ url, name }: TaskRef): Promise<AnyFunction> {
  let module = modules.get(url);
  if (module === undefined) {
    module = import(/* @vite-ignore */ url);
    modules.set(url, module);
  }
  const fn = (await module)[name];
  if (typeof fn !== 'function') throw new NiceqError('ERR_TASK_MODULE', `${url} has no function ${name}`);
  return fn as AnyFunction;
}
