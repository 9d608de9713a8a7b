import type { ResourceLimits, WorkerOptions } from 'node:worker_threads';
import { checkBoolean, checkInteger, checkOptions, checkString, wrongType } from '../check.js';
import { ChildWorker } from './child-worker.js';
import { type ChildWorkerOptions, checkChildOptions } from './options.js';
import { threads } from './thread-channel.js';

/** Options of a ThreadWorker. Those without a description are passed on to Node's `Worker`. */
export interface ThreadWorkerOptions extends ChildWorkerOptions {
  /** Environment of the thread; `SHARE_ENV` shares this one. Default: a copy of `process.env`. */
  env?: WorkerOptions['env'];
  argv?: readonly unknown[];
  execArgv?: readonly string[];
  resourceLimits?: ResourceLimits;
  workerData?: unknown;
  name?: string;
  /** true keeps what tasks write to stdout from appearing on the program's. Default false. */
  stdout?: boolean;
  /** true keeps what tasks write to stderr from appearing on the program's. Default false. */
  stderr?: boolean;
}

/**
 * Runs tasks in a worker thread, which it replaces when it dies.
 *
 * @example
 * ```ts
 * const worker = new ThreadWorker({ name: 'render', resourceLimits: { maxOldGenerationSizeMb: 256 } });
 * await queue.attachWorker(worker);
 * ```
 */
export class ThreadWorker extends ChildWorker {
  readonly kind = 'thread';

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(options: ThreadWorkerOptions = {}) {
    const settings = checkChildOptions(options);
    super(settings, threads(settings.concurrency, checkThreadOptions(options)));
  }
}

function checkThreadOptions(options: ThreadWorkerOptions): WorkerOptions {
  const { env, argv, execArgv, resourceLimits, workerData, name, stdout, stderr } = options;
  const result: WorkerOptions = {};
  if (env !== undefined) {
    if (typeof env !== 'symbol') checkOptions('env', env);
    result.env = env;
  }
  if (argv !== undefined) result.argv = checkArray('argv', argv);
  if (execArgv !== undefined)
    result.execArgv = checkArray('execArgv', execArgv).map((arg) => checkString('execArgv', arg));
  if (resourceLimits !== undefined) {
    checkOptions('resourceLimits', resourceLimits);
    for (const [limit, value] of Object.entries(resourceLimits)) checkInteger(`resourceLimits.${limit}`, value, 1);
    result.resourceLimits = resourceLimits;
  }
  if (workerData !== undefined) result.workerData = workerData;
  if (name !== undefined) result.name = checkString('name', name);
  if (stdout !== undefined) result.stdout = checkBoolean('stdout', stdout);
  if (stderr !== undefined) result.stderr = checkBoolean('stderr', stderr);
  return result;
}

function checkArray(name: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw wrongType(name, 'an array', value);
  return [...value];
}
