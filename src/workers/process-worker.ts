import type { SpawnOptions } from 'node:child_process';
import { checkOptions, checkString, wrongType } from '../check.js';
import { ChildWorker } from './child-worker.js';
import { type ChildWorkerOptions, checkChildOptions } from './options.js';
import { processes } from './process-channel.js';

export interface ProcessWorkerOptions extends ChildWorkerOptions {
  /** Environment of the process. Default: `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Its working directory. Default: the program's. */
  cwd?: string | URL;
  /** Its Node options. Default: those of the program that make sense for another one (no `--eval`, `--inspect`...). */
  execArgv?: readonly string[];
  /**
   * Its stdin, stdout and stderr, as `child_process.spawn` takes them. Default: no stdin, stdout shared with the
   * program, stderr copied to the program's, with its end on WorkerLostError.
   */
  stdio?: readonly [
    'ignore' | 'inherit' | number,
    'ignore' | 'inherit' | number,
    'ignore' | 'inherit' | 'pipe' | number,
  ];
}

/**
 * Runs tasks in a child process, which it replaces when it dies.
 *
 * @example
 * ```ts
 * const worker = new ProcessWorker({ execArgv: ['--max-old-space-size=4096'] });
 * await queue.attachWorker(worker);
 * ```
 */
export class ProcessWorker extends ChildWorker {
  readonly kind = 'process';

  /** @throws TypeError or RangeError for an invalid option. */
  constructor(options: ProcessWorkerOptions = {}) {
    const settings = checkChildOptions(options);
    super(settings, processes(settings.concurrency, checkExecArgv(options), checkProcessOptions(options)));
  }
}

function checkExecArgv({ execArgv }: ProcessWorkerOptions): string[] {
  if (execArgv === undefined) return inheritedArguments();
  if (!Array.isArray(execArgv)) throw wrongType('execArgv', 'an array of strings', execArgv);
  return execArgv.map((arg) => checkString('execArgv', arg));
}

function checkProcessOptions({ env, cwd, stdio }: ProcessWorkerOptions): SpawnOptions & { stdio: unknown[] } {
  const result: SpawnOptions = {};
  if (env !== undefined) {
    checkOptions('env', env);
    result.env = env;
  }
  if (cwd !== undefined) result.cwd = cwd instanceof URL ? cwd : checkString('cwd', cwd);
  if (stdio !== undefined && (!Array.isArray(stdio) || stdio.length !== 3)) {
    throw wrongType('stdio', 'an array of three: stdin, stdout and stderr', stdio);
  }
  return { ...result, stdio: [...(stdio ?? ['ignore', 'inherit', 'pipe']), 'pipe'] };
}

/** Options that say what program runs, or that two programs can't have at once. */
const OWN =
  /^(?:-[ep]|-pe|--eval|--print|--input-type|--check|-c|--test.*|--watch.*|--inspect.*|--cpu-prof.*|--heap-prof.*)$/;

function inheritedArguments(): string[] {
  const kept: string[] = [];
  const { execArgv } = process;
  for (let i = 0; i < execArgv.length; i++) {
    const arg = execArgv[i] as string;
    if (!OWN.test(arg.split('=', 1)[0] as string)) kept.push(arg);
    // The program text of `-e`, and the like, follows as an argument of its own.
    else if (!arg.includes('=') && execArgv[i + 1]?.startsWith('-') === false) i++;
  }
  return kept;
}
