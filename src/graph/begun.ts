import type { TaskHandle } from '../queue/task-handle.js';
import type { TaskQueue } from '../queue/task-queue.js';

/** Tells, task by task, when a queue has begun them. It listens to the queue only while there is something to tell. */
class BegunTasks {
  readonly #queue: TaskQueue;
  readonly #callbacks = new Map<TaskHandle, () => void>();
  readonly #listener = (handle: TaskHandle) => this.#callbacks.get(handle)?.();

  constructor(queue: TaskQueue) {
    this.#queue = queue;
  }

  watch(handle: TaskHandle, callback: () => void): void {
    if (this.#callbacks.size === 0) this.#queue.on('started', this.#listener);
    this.#callbacks.set(handle, callback);
  }

  unwatch(handle: TaskHandle): void {
    if (this.#callbacks.delete(handle) && this.#callbacks.size === 0) this.#queue.off('started', this.#listener);
  }
}

const byQueue = new WeakMap<TaskQueue, BegunTasks>();

/** Calls back when the task begins. Returns what ends that. */
export function onBegun(queue: TaskQueue, handle: TaskHandle, callback: () => void): () => void {
  let tasks = byQueue.get(queue);
  if (tasks === undefined) {
    tasks = new BegunTasks(queue);
    byQueue.set(queue, tasks);
  }
  tasks.watch(handle, callback);
  return () => tasks.unwatch(handle);
}
