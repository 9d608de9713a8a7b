import type { Task } from '../queue/task.js';
import type { TaskHandle } from '../queue/task-handle.js';
import type { HandlerHost } from './host.js';

/**
 * Tells what was queued: not inside `call()`, where nobody is told anything, but before anything else is told of the
 * task.
 */
export class Announcements {
  readonly #host: HandlerHost;
  readonly #tasks: TaskHandle[] = [];
  /** How many of them have been told of. */
  #told = 0;

  constructor(host: HandlerHost) {
    this.#host = host;
  }

  add(task: Task): void {
    if (this.#host.heard.queued) this.#tasks.push(task.handle);
  }

  tell(): void {
    if (this.#tasks.length === 0) return;
    // Listeners may submit more, or have the rest told in between.
    while (this.#told < this.#tasks.length) this.#host.emit('queued', this.#tasks[this.#told++] as TaskHandle);
    this.#tasks.length = 0;
    this.#told = 0;
  }
}
