/** The stable `code` of each error niceq makes. */
export type NiceqErrorCode =
  | 'ERR_QUEUE_CLOSED'
  | 'ERR_QUEUE_FULL'
  | 'ERR_TASK_TIMEOUT'
  | 'ERR_TASK_CANCELLED'
  | 'ERR_WORKER_LOST'
  | 'ERR_WORKER_START'
  | 'ERR_NOT_PORTABLE'
  | 'ERR_TASK_MODULE'
  | 'ERR_ALREADY_RUNNING'
  | 'ERR_NOT_RUNNING'
  | 'ERR_BLOCKED'
  | 'ERR_CYCLE'
  | 'ERR_INVALID_TRANSITION';

/** What is said of anything that was thrown. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Marks errors of this family, also those of another copy of the package or another thread. */
const FAMILY = Symbol.for('niceq.error');

/**
 * The base class of all errors of niceq. `code` tells them apart, also across copies of the package.
 *
 * @example
 * ```ts
 * try {
 *   await queue.call(tasks.render, [row]);
 * } catch (error) {
 *   if (!(error instanceof NiceqError)) throw error; // what the task threw
 *   console.error(error.code);
 * }
 * ```
 */
export class NiceqError extends Error {
  readonly code: NiceqErrorCode;

  constructor(code: NiceqErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  static {
    Object.defineProperty(NiceqError.prototype, 'name', { value: 'NiceqError', configurable: true, writable: true });
    Object.defineProperty(NiceqError.prototype, FAMILY, { value: true });
  }
}

/**
 * The queue was shut down, so it takes no more tasks.
 *
 * @example
 * ```ts
 * await queue.shutdown();
 * await queue.call(tasks.render, [row]).catch((error) => console.log(error.code)); // -> ERR_QUEUE_CLOSED
 * ```
 */
export class QueueClosedError extends NiceqError {
  constructor(message = 'The queue was shut down: it takes no more tasks') {
    super('ERR_QUEUE_CLOSED', message);
  }
}

/**
 * As many tasks wait as `maxQueued` allows. A call that is rejected with it raises no `failed` event.
 *
 * @example
 * ```ts
 * const queue = new ThreadQueue({ maxQueued: 2 });
 * for (const file of files) {
 *   await queue.onSizeLessThan(2); // without it: QueueFullError
 *   queue.submit(tasks.compress, [file]);
 * }
 * ```
 */
export class QueueFullError extends NiceqError {
  constructor(maxQueued: number) {
    super(
      'ERR_QUEUE_FULL',
      `${maxQueued} tasks wait already, which is the queue's \`maxQueued\`: await \`queue.onSizeLessThan(${maxQueued})\` first`,
    );
  }
}

/**
 * The task ran longer than its `timeout`, as often as `retry.timeout` allowed.
 *
 * @example
 * ```ts
 * const handle = queue.submit(tasks.spin, [], { timeout: 50 }); // would never end
 * await handle.promise.catch((error) => console.log(error.code, error.attempts)); // -> ERR_TASK_TIMEOUT 2
 * ```
 */
export class TaskTimeoutError extends NiceqError {
  /** The limit, in milliseconds. */
  readonly timeout: number;
  /** How often the task was begun. */
  readonly attempts: number;

  constructor(timeout: number, attempts: number) {
    super(
      'ERR_TASK_TIMEOUT',
      `The task ran longer than its \`timeout\` of ${timeout} ms (attempt ${attempts}): give it more time, or make it shorter`,
    );
    this.timeout = timeout;
    this.attempts = attempts;
  }
}

/**
 * The task was cancelled, by its handle, its queue, or the queue's end. `cause` is the reason given.
 *
 * @example
 * ```ts
 * const handle = queue.submit(tasks.render, [row]);
 * handle.cancel('scrolled away');
 * await handle.promise.catch((error) => console.log(error.code, error.cause)); // -> ERR_TASK_CANCELLED scrolled away
 * ```
 */
export class TaskCancelledError extends NiceqError {
  constructor(message = 'The task was cancelled', options?: ErrorOptions) {
    super('ERR_TASK_CANCELLED', message, options);
  }
}

/** What is known about the end of a thread or process. */
export interface WorkerLoss {
  /** What the thread or process exited with; null when a signal ended it. */
  exitCode?: number | null;
  /** The signal that ended it, if one did. */
  signal?: NodeJS.Signals | null;
  /** The end of what it had written to stderr. */
  stderr?: string;
  /** The error that ended it, if one did. */
  cause?: unknown;
}

/**
 * The thread or process that ran the task died, as often as `retry.lost` allowed.
 *
 * @example
 * ```ts
 * const lost = queue.call(() => process.exit(3));
 * await lost.catch((error) => console.log(error.code, error.exitCode, error.attempts)); // -> ERR_WORKER_LOST 3 2
 * ```
 */
export class WorkerLostError extends NiceqError {
  /** What the thread or process exited with; null when a signal ended it. */
  readonly exitCode: number | null;
  /** The signal that ended it, if one did. */
  readonly signal: NodeJS.Signals | null;
  /** The end of what it had written to stderr. */
  readonly stderr: string;
  /** How often the task was begun. */
  attempts = 0;

  constructor(message: string, { exitCode = null, signal = null, stderr = '', cause }: WorkerLoss = {}) {
    super('ERR_WORKER_LOST', message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
    this.signal = signal;
    this.stderr = stderr;
  }
}

/**
 * A worker could not be started, three times in a row; `cause` says why.
 *
 * @example
 * ```ts
 * const worker = new ThreadWorker({ execArgv: ['--no-such-option'] });
 * await queue.attachWorker(worker).catch((error) => console.log(error.code)); // -> ERR_WORKER_START
 * ```
 */
export class WorkerStartError extends NiceqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_WORKER_START', message, options);
  }
}

/**
 * A function, argument or result can't be sent to or from the worker. The message names it, and the path inside it.
 *
 * @example
 * ```ts
 * const echo = (value: unknown) => value;
 * await queue.call(echo, [{ onEnd() {} }]).catch((error) => console.log(error.code)); // -> ERR_NOT_PORTABLE
 * ```
 */
export class NotPortableError extends NiceqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_NOT_PORTABLE', message, options);
  }
}

/**
 * A task module can't be found or loaded, or does not export the function.
 *
 * @example
 * ```ts
 * const tasks = taskModule<{ render(): void }>(new URL('./missing.js', import.meta.url));
 * await queue.call(tasks.render).catch((error) => console.log(error.code)); // -> ERR_TASK_MODULE
 * ```
 */
export class TaskModuleError extends NiceqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_TASK_MODULE', message, options);
  }
}

/**
 * The consumer has been given a source before: `consume` works once.
 *
 * @example
 * ```ts
 * const consumer = new ParallelLimitedTaskConsumer({ limit: 1 });
 * await consumer.consume([]);
 * await consumer.consume([]).catch((error) => console.log(error.code)); // -> ERR_ALREADY_RUNNING
 * ```
 */
export class AlreadyRunningError extends NiceqError {
  constructor(message = 'The consumer has been given a source before: make a new consumer for each run') {
    super('ERR_ALREADY_RUNNING', message);
  }
}

/**
 * The consumer was told of a task, or of the lack of one, before it was given a source.
 *
 * @example
 * ```ts
 * const consumer = new ParallelLimitedTaskConsumer({ limit: 1 });
 * try {
 *   consumer.noTasksFound();
 * } catch (error) {
 *   console.log(error instanceof NotRunningError && error.code); // -> ERR_NOT_RUNNING
 * }
 * ```
 */
export class NotRunningError extends NiceqError {
  constructor(method: string) {
    super('ERR_NOT_RUNNING', `\`${method}\` was called before \`consume\`: only a source that was started may call it`);
  }
}

/** The classes there are here, by code. */
interface NiceqErrors {
  ERR_QUEUE_CLOSED: QueueClosedError;
  ERR_QUEUE_FULL: QueueFullError;
  ERR_TASK_TIMEOUT: TaskTimeoutError;
  ERR_TASK_CANCELLED: TaskCancelledError;
  ERR_WORKER_LOST: WorkerLostError;
  ERR_WORKER_START: WorkerStartError;
  ERR_NOT_PORTABLE: NotPortableError;
  ERR_TASK_MODULE: TaskModuleError;
  ERR_ALREADY_RUNNING: AlreadyRunningError;
  ERR_NOT_RUNNING: NotRunningError;
}

/** An error of one code. The code itself is part of it, as some classes have nothing else that tells them apart. */
export type NiceqErrorOf<C extends NiceqErrorCode> = (C extends keyof NiceqErrors ? NiceqErrors[C] : NiceqError) & {
  readonly code: C;
};

/** The class of each code that is loaded: an error that arrives from a worker gets its own class again. */
export const errorClasses: { [Code in NiceqErrorCode]?: { readonly prototype: NiceqError } } = {};

/** Makes classes known by name and code. An entry of the package that has errors of its own calls this as it is loaded. */
export function registerErrors(
  classes: Record<string, readonly [code: NiceqErrorCode, errorClass: { readonly prototype: NiceqError }]>,
): void {
  for (const [name, [code, errorClass]] of Object.entries(classes)) {
    errorClasses[code] = errorClass;
    // Literal, so that it survives minification; on the prototype, so that it is no own property of every error.
    Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
  }
}

registerErrors({
  QueueClosedError: ['ERR_QUEUE_CLOSED', QueueClosedError],
  QueueFullError: ['ERR_QUEUE_FULL', QueueFullError],
  TaskTimeoutError: ['ERR_TASK_TIMEOUT', TaskTimeoutError],
  TaskCancelledError: ['ERR_TASK_CANCELLED', TaskCancelledError],
  WorkerLostError: ['ERR_WORKER_LOST', WorkerLostError],
  WorkerStartError: ['ERR_WORKER_START', WorkerStartError],
  NotPortableError: ['ERR_NOT_PORTABLE', NotPortableError],
  TaskModuleError: ['ERR_TASK_MODULE', TaskModuleError],
  AlreadyRunningError: ['ERR_ALREADY_RUNNING', AlreadyRunningError],
  NotRunningError: ['ERR_NOT_RUNNING', NotRunningError],
});

/**
 * Whether `error` is one of niceq's, and with a `code` whether it is that one, which TypeScript then knows. Unlike
 * `instanceof` it also holds for errors of another copy of the package.
 *
 * @example
 * ```ts
 * try {
 *   await queue.call(tasks.render, [row], { timeout: 1000 });
 * } catch (error) {
 *   if (!isNiceqError(error, 'ERR_TASK_TIMEOUT')) throw error;
 *   console.error(`${error.attempts} attempts of ${error.timeout} ms each`);
 * }
 * ```
 */
export function isNiceqError(error: unknown): error is NiceqError;
export function isNiceqError<C extends NiceqErrorCode>(error: unknown, code: C): error is NiceqErrorOf<C>;
export function isNiceqError(error: unknown, code?: NiceqErrorCode): boolean {
  if (typeof error !== 'object' || error === null) return false;
  try {
    return FAMILY in error && (code === undefined || (error as { code?: unknown }).code === code);
  } catch {
    // A proxy that throws.
    return false;
  }
}
