import { BullServer, type ServeOptions } from './server.js';

/**
 * Runs the tasks that callers of the same name send, from now until `close`. Only exports of `modules` are run.
 *
 * @throws TypeError or RangeError for an invalid option; WorkerStartError if Redis can't be reached, a worker can't be
 *   started, or a kept update fails.
 *
 * @example
 * ```ts
 * await using server = await serve({
 *   name: 'render',
 *   connection: redis,
 *   modules: { render: new URL('./render.tasks.js', import.meta.url) },
 *   workers: [new ThreadWorker(), new ThreadWorker()],
 * });
 * ```
 */
export function serve(options: ServeOptions): Promise<BullServer> {
  return BullServer.open(options);
}
