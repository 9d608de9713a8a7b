import { WorkerLostError } from '../errors.js';
import type { Attempts } from './attempts.js';
import type { Employment } from './employment.js';
import type { HandlerHost } from './host.js';
import type { Rounds } from './rounds.js';
import { type KeptUpdate, Updates } from './updates.js';

/**
 * What is done on workers past the scheduler: updates, on those that are there, and before its first task on each that
 * starts, is replaced or serves another series.
 *
 * What comes for a worker that takes no tasks yet is an errand, which it runs after its kept updates and before it takes
 * tasks. An update counts as run only when it has, on what the worker runs tasks on at present.
 */
export class Onboarding {
  readonly #attempts: Attempts;
  readonly #host: HandlerHost;
  readonly #rounds: Rounds;
  readonly #updates = new Updates();

  constructor(attempts: Attempts, host: HandlerHost, rounds: Rounds) {
    this.#attempts = attempts;
    this.#host = host;
    this.#rounds = rounds;
  }

  /**
   * Prepares a worker and then lets it take tasks, which is what `open` does, unless it is lost, paused or dismissed
   * meanwhile.
   */
  async admit(employment: Employment, open: () => void): Promise<void> {
    const { delivered } = employment;
    let errand = null as Promise<void> | null;
    const proceed = () => {
      errand = employment.runErrand();
      if (errand === null) open();
    };
    while (await this.#prepare(employment, employment.qualification, proceed)) {
      if (errand === null) return;
      await errand;
      if (employment.delivered !== delivered) return;
    }
  }

  /** Prepares a worker to serve one more series, which `widen` then makes it do. */
  async qualify(
    employment: Employment,
    series: unknown,
    widen: (qualification: ReadonlySet<unknown>) => void,
  ): Promise<void> {
    const widened = () => new Set(employment.qualification).add(series);
    // One that is replaced meanwhile has to be prepared once more.
    while (!employment.serves(series)) {
      if (employment.isLeaving) {
        const message = `Worker ${employment.id} has left before it could serve the series`;
        throw new WorkerLostError(message, { cause: employment.resignation ?? undefined });
      }
      await this.#visit(employment, Symbol('qualification'), () =>
        this.#prepare(employment, widened(), () => widen(widened())),
      );
    }
  }

  /**
   * Runs an update on those it is meant for and, unless it is ephemeral, on those to come. `hiring`: resolves when some
   * of those have started that are to be there in any case.
   */
  async update(
    update: KeptUpdate,
    isEphemeral: boolean,
    meant: readonly Employment[],
    hiring: Promise<void> | undefined,
  ): Promise<unknown[]> {
    if (!isEphemeral) this.#updates.keep(update);
    const runs = meant.map((employment) => this.#try(update, employment, isEphemeral));
    const [hired, ...outcomes] = await Promise.allSettled([hiring, ...runs]);
    const errors: unknown[] = [];
    const results: unknown[] = [];
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') errors.push(outcome.reason);
      else if (outcome.value !== null) results.push(outcome.value.result);
    }
    if (errors.length === 0 && hired.status === 'fulfilled') {
      this.#updates.confirm(update);
      return results;
    }
    this.#updates.forget(update);
    if (hired.status === 'rejected') throw hired.reason;
    const message = `The update failed on ${errors.length} of ${meant.length} workers, so it is not kept`;
    throw new AggregateError(errors, message);
  }

  // --- within -------------------------------------------------------------------------------------------------------

  /** Runs an update that may turn out to be a bad one, which is no fault of the worker. Null if that leaves before. */
  #try(update: KeptUpdate, employment: Employment, isEphemeral: boolean): Promise<{ result: unknown } | null> {
    return this.#visit(employment, update, async () => {
      return { result: await this.#run(update, employment, { isEphemeral, isTrial: true }) };
    });
  }

  /** Does something on a worker: at once if it takes tasks, or else before it does. Null if it leaves before. */
  async #visit<T>(employment: Employment, about: unknown, errand: () => Promise<T>): Promise<T | null> {
    if (employment.isLeaving) return null;
    if (employment.isOpen) return await errand();
    return await new Promise((resolve, reject) => {
      const run = () => errand().then(resolve, reject);
      employment.errands.set(about, { run, drop: () => resolve(null) });
    });
  }

  /**
   * Runs the kept updates that a worker with this qualification has not had, and then does what they were kept for:
   * in the same breath, so that none can be kept in between and missed. Those it has an errand for come with that.
   * Resolves with false if the worker has been lost, paused or dismissed meanwhile.
   */
  async #prepare(
    employment: Employment,
    qualification: Employment['qualification'],
    then: () => void,
  ): Promise<boolean> {
    const { delivered, errands } = employment;
    const had = new Set<KeptUpdate>();
    while (!employment.isLeaving && employment.delivered === delivered) {
      const update = this.#updates.next(qualification, (one) => had.has(one) || errands.has(one));
      if (update === undefined) {
        then();
        return true;
      }
      const delivery = delivered.get(update);
      if (delivery === undefined) await this.#run(update, employment);
      else if (await delivery) had.add(update);
    }
    return false;
  }

  #run(update: KeptUpdate, employment: Employment, { isEphemeral = false, isTrial = false } = {}): Promise<unknown> {
    const task = this.#host.directTask(update);
    const { promise } = task;
    const { delivered } = employment;
    const succeeded = () => true;
    const failed = () => {
      delivered.delete(update);
      // Nobody who comes later is given it. Those that start have it as an errand, and the caller hears of each of them.
      if (isTrial) this.#updates.forget(update);
      return false;
    };
    if (!isEphemeral) delivered.set(update, promise.then(succeeded, failed));
    this.#attempts.runDirectly(task, employment, isEphemeral ? null : update.name);
    return this.#rounds.occupy(promise);
  }
}
