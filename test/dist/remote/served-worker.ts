import { type IWorker, ThreadWorker } from 'niceq';
import { type BullServer, BullWorker, serve } from 'niceq/bullmq';
import type { WorkerOptions } from '../conformance/conformance.js';
import type { SharedRedis } from './redis.js';

const module = (file: string) => new URL(`../conformance/${file}`, import.meta.url);

const modules = {
  tasks: module('tasks.js'),
  faulty: module('faulty.tasks.js'),
  nowhere: module('nowhere.js'),
  streams: module('../fixtures/streams.tasks.mjs'),
};

let count = 0;

/** A worker with a server of its own, which ends with it. */
export class ServedWorker extends BullWorker implements IWorker {
  static readonly #servers: Promise<BullServer>[] = [];
  readonly #server: Promise<BullServer>;

  constructor({ url, prefix }: SharedRedis, { concurrency = 1, series }: WorkerOptions = {}) {
    const base = { name: `served-${++count}`, connection: url, prefix };
    super({ ...base, concurrency, ...(series && { series }) });
    this.#server = serve({ ...base, modules, workers: [new ThreadWorker({ concurrency, graceful: 10_000 })] });
    ServedWorker.#servers.push(this.#server);
  }

  override async stop(): Promise<void> {
    await super.stop();
    await (await this.#server).close();
  }

  override async crash(): Promise<void> {
    const crash = super.crash();
    void this.#server.then((server) => server.close({ timeout: 0 }));
    await crash;
  }

  /** Resolves when all servers have ended. */
  static async ended(): Promise<void> {
    for (const server of ServedWorker.#servers) await (await server).closed;
  }
}
