import { type Assignment, type Employer, type IWorker, WorkerLostError } from 'niceq';

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/**
 * A worker that dies of tasks whose first argument is `'die'`, and is replaced a turn later, and that resigns for those
 * where it is `'resign'`. It runs two at a time, holds two more, and ends what is cancelled a turn later.
 */
export class MortalWorker implements IWorker {
  id?: number;
  readonly kind = 'mortal';
  readonly concurrency = 2;
  readonly series: readonly unknown[] | null;
  readonly #running = new Set<Assignment>();
  readonly #held: Assignment[] = [];
  #employer!: Employer;
  #hasEnded = false;

  constructor({ series }: { series?: readonly unknown[] } = {}) {
    this.series = series ?? null;
  }

  async start(employer: Employer): Promise<void> {
    this.#employer = employer;
    await turn();
  }

  run(assignment: Assignment): void {
    this.#held.push(assignment);
    this.#proceed();
  }

  holds(): boolean {
    return this.#held.length < 2;
  }

  async recall(assignment: Assignment): Promise<boolean> {
    await turn();
    const index = this.#held.indexOf(assignment);
    if (index !== -1) this.#held.splice(index, 1);
    return index !== -1;
  }

  async cancel(assignment: Assignment, reason: unknown): Promise<void> {
    await turn();
    if (this.#leaves(assignment)) assignment.fail(reason);
  }

  async stop(): Promise<void> {
    await turn();
    this.crash();
  }

  crash(): void {
    this.#hasEnded = true;
    this.#running.clear();
    this.#held.length = 0;
  }

  #proceed(): void {
    while (this.#running.size < this.concurrency) {
      const assignment = this.#held.shift();
      if (assignment === undefined) return;
      this.#running.add(assignment);
      assignment.started();
      void this.#perform(assignment);
    }
  }

  async #perform(assignment: Assignment): Promise<void> {
    await turn();
    if (!this.#running.has(assignment)) return;
    const [what] = assignment.args;
    if (what === 'die') return this.#die();
    if (what === 'resign') return this.#employer.resign(new Error('it has had enough'));
    try {
      const value = await assignment.invoke();
      if (this.#leaves(assignment)) assignment.done(value);
    } catch (error) {
      if (this.#leaves(assignment)) assignment.fail(error);
    }
  }

  /** False if it was taken from here before. */
  #leaves(assignment: Assignment): boolean {
    if (!this.#running.delete(assignment)) return false;
    queueMicrotask(() => this.#proceed());
    return true;
  }

  async #die(): Promise<void> {
    const unstarted = this.#held.splice(0);
    this.#running.clear();
    this.#employer.lost(new WorkerLostError('it died'), unstarted);
    await turn();
    // Its updates may fail, as they do where it dies again.
    while (!this.#hasEnded && !(await this.#isReady())) await turn();
  }

  #isReady(): Promise<boolean> {
    return this.#employer.ready().then(
      () => true,
      () => false,
    );
  }
}
