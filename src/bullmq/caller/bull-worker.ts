import { checkDuration, checkInteger, checkOptions } from '../../check.js';
import { NotPortableError, WorkerLostError } from '../../errors.js';
import { checkLogger } from '../../logger.js';
import type { Logger } from '../../queue/options.js';
import { isTaskRef } from '../../tasks/task-module.js';
import { within } from '../../within.js';
import { checkSeries } from '../../workers/options.js';
import type { Assignment, Employer, IWorker } from '../../workers/worker.js';
import { type BullOptions, checkBullOptions, checkGrace, startError } from '../connection.js';
import { Caller, type CallerSettings } from './caller.js';

export interface BullWorkerOptions extends BullOptions {
  /** How many tasks may be with the servers at a time, running or waiting there: an integer from 1. Default 64. */
  concurrency?: number;
  /** The series it serves; the default series only if `undefined` is listed. Default: every series. */
  series?: readonly unknown[];
  /**
   * How long a server may be missing before what it runs counts as lost, in milliseconds: from 1 to 86 400 000, a day. It
   * may only have lost its connection for a moment. Default 5000.
   */
  grace?: number;
  /** How long Redis may be unreachable before the worker gives up, in milliseconds. Infinity: for ever. Default 60 000. */
  patience?: number;
  /** Is told what nobody else is: a connection that fails, and what Redis refuses. Default: none. */
  logger?: Logger;
}

/** How long whoever crashes it waits for its connections to end, in milliseconds: Redis may not answer. */
const GOODBYE = 1000;

/**
 * Runs tasks on other machines, on whichever server of the same name is free. Only exports of modules that the servers
 * were given can be run, so it takes task references and no plain functions.
 *
 * A task whose server dies is run again on another one, as its `retry.lost` allows. While no server is there, tasks wait
 * for one.
 *
 * @example
 * ```ts
 * // On other machines:
 * await using server = await serve({ name: 'pictures', connection: redis, modules, workers: [new ThreadWorker()] });
 * // Here:
 * const queue = new TaskQueue();
 * await queue.attachWorker(new BullWorker({ name: 'pictures', connection: redis }));
 * const pixels = await queue.call(tasks.render, [3]);
 * await queue.shutdown();
 * ```
 */
export class BullWorker implements IWorker {
  readonly kind = 'remote';
  id?: number;
  readonly series: readonly unknown[] | null;
  readonly concurrency: number;
  readonly #settings: CallerSettings;
  #caller: Caller | null = null;
  #hasEnded = false;

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(options: BullWorkerOptions) {
    checkOptions('options', options);
    const { concurrency = 64, series, grace = 5000, patience = 60_000 } = options;
    this.concurrency = checkInteger('concurrency', concurrency, 1);
    this.series = checkSeries(series);
    this.#settings = {
      ...checkBullOptions(options),
      grace: checkGrace(grace),
      patience: checkDuration('patience', patience, { infinity: true }),
      logger: checkLogger(options.logger),
    };
  }

  async start(employer: Employer): Promise<void> {
    try {
      const caller = await Caller.open(this.#settings, (error) => employer.resign(error));
      this.#caller = caller;
      if (this.#hasEnded) {
        await caller.stop();
        throw new Error('it was stopped');
      }
    } catch (cause) {
      throw startError(this.#settings, cause);
    }
  }

  run(assignment: Assignment): void {
    const { fn } = assignment;
    if (!isTaskRef(fn)) {
      const message = `The function \`${fn.name}\` can't be sent to another machine, which takes task references only: use a task module`;
      assignment.fail(new NotPortableError(message));
    } else if (this.#caller === null) {
      assignment.lost(new WorkerLostError('The worker was stopped'));
    } else if (assignment.isUpdate) {
      this.#caller.update(assignment, fn);
    } else {
      this.#caller.run(assignment, fn);
    }
  }

  recall(assignment: Assignment): boolean | Promise<boolean> {
    return this.#caller?.recall(assignment) ?? false;
  }

  cancel(assignment: Assignment, reason: unknown): void {
    this.#caller?.cancel(assignment, reason);
  }

  async stop(): Promise<void> {
    this.#hasEnded = true;
    await this.#caller?.stop();
  }

  async crash(): Promise<void> {
    this.#hasEnded = true;
    await within(GOODBYE, this.#caller?.crash() ?? Promise.resolve());
  }
}
