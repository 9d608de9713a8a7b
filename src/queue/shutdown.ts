import { now } from '../clock.js';
import type { TaskHandler } from '../handler/task-handler.js';
import type { ShutdownMode } from './options.js';
import { QUEUED, RUNNING, type Task } from './task.js';
import type { TaskHandle } from './task-handle.js';

const strength: Record<ShutdownMode, number> = { drain: 0, finish: 1, crash: 2 };

/** The end of a queue, which may become more urgent while it goes on, and never less. */
export class Shutdown {
  readonly #handler: TaskHandler;
  readonly #unfinished: TaskHandle[] = [];
  #mode: ShutdownMode;
  readonly #onSettled: () => void;
  #hasSettled!: () => void;
  #isDismissing = false;
  /** When it becomes a crash; long ago once it has ended, so that nothing waits for that any more. */
  #deadline = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** Resolves with what it left unfinished. */
  readonly promise: Promise<TaskHandle[]>;

  /**
   * `onSettled` is called when no task is left, before the workers are dismissed. Nothing is cancelled before the first
   * `escalate`, as whoever hears of it may shut down in turn, and must find this one.
   */
  constructor(handler: TaskHandler, mode: ShutdownMode, onSettled: () => void) {
    this.#handler = handler;
    this.#onSettled = onSettled;
    this.#mode = mode;
    const settled = new Promise<void>((resolve) => {
      this.#hasSettled = resolve;
    });
    this.promise = handler.rounds.occupy(this.#end(settled));
    if (mode === 'drain') handler.resume();
  }

  /** Goes on in `mode` if that is stronger, and as a crash after `timeout` ms if that is sooner. */
  escalate(mode: ShutdownMode, timeout: number): void {
    if (strength[mode] > strength[this.#mode]) {
      this.#mode = mode;
      if (mode === 'crash' && this.#isDismissing) void this.#dismiss();
    }
    this.check();
    const deadline = now() + timeout;
    if (deadline >= this.#deadline || this.#mode === 'crash') return;
    this.#deadline = deadline;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.escalate('crash', Number.POSITIVE_INFINITY), timeout);
  }

  /** Cancels what the mode does not wait for. Is called whenever something has changed. */
  check(): void {
    if (this.#isDismissing) return;
    const handler = this.#handler;
    if (this.#mode !== 'drain') handler.lifecycle.isRetrying = false;
    if (this.#mayBeHopeless) {
      for (const task of handler.tasks((task) => this.#isHopeless(task))) {
        if (handler.cancel(task, undefined)) this.#unfinished.push(task);
      }
    }
    if (handler.waiting === 0 && handler.pending === 0) this.#hasSettled();
  }

  /** Whether there is anything to cancel at all. This is asked in every round, so its cost must not grow with the queue. */
  get #mayBeHopeless(): boolean {
    const { waiting, pending, scheduler } = this.#handler;
    if (this.#mode === 'crash') return waiting + pending > 0;
    if (this.#mode === 'finish') return waiting > 0;
    return scheduler.servable < scheduler.size;
  }

  #isHopeless(task: Task): boolean {
    if (this.#mode === 'crash') return true;
    if (this.#mode === 'finish') return task.phase < RUNNING;
    return task.phase === QUEUED && !this.#handler.scheduler.isServed(task);
  }

  async #end(settled: Promise<void>): Promise<TaskHandle[]> {
    await settled;
    this.#isDismissing = true;
    this.#handler.lifecycle.isRetrying = false;
    this.#onSettled();
    await this.#dismiss();
    this.#deadline = Number.NEGATIVE_INFINITY;
    clearTimeout(this.#timer);
    return this.#unfinished;
  }

  async #dismiss(): Promise<void> {
    const crash = this.#mode === 'crash';
    await Promise.all(
      [...this.#handler.workforce.employments].map((employment) =>
        this.#handler.workforce.terminate(employment, { crash }),
      ),
    );
  }
}
