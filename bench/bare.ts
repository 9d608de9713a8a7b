import { type ChildProcess, fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import type { Bytes, Kind } from './pools.js';
import { workerFile } from './pools.js';

/** One thread or process that runs workers/bare.mjs, with nothing in between. */
export class BareWorker {
  onMessage: (message: unknown) => void = () => {};
  readonly #worker: Worker | ChildProcess;

  constructor(kind: Kind, serialization: 'json' | 'advanced' = 'json') {
    const file = workerFile('bare.mjs');
    this.#worker = kind === 'thread' ? new Worker(file) : fork(file, [], { serialization });
    this.#worker.on('message', (message: unknown) => this.onMessage(message));
  }

  post(message: unknown, transfer: ArrayBuffer[] = []): void {
    if (this.#worker instanceof Worker) this.#worker.postMessage(message, transfer);
    else this.#worker.send(message as never);
  }

  ask(message: unknown, transfer?: ArrayBuffer[]): Promise<unknown> {
    return new Promise((resolve) => {
      this.onMessage = resolve;
      this.post(message, transfer);
    });
  }

  /** Kills it. */
  async end(): Promise<void> {
    if (this.#worker instanceof Worker) await this.#worker.terminate();
    else this.#worker.kill();
  }

  handOver(bytes: Bytes): Promise<unknown> {
    return this.ask({ move: bytes }, [bytes.buffer]);
  }
}

/** Sends `count` numbers to each worker in turn and gets them back, so many messages of so many each under way. */
export function pump(workers: readonly BareWorker[], count: number, batch: number, inFlight: number): Promise<void> {
  return new Promise((resolve) => {
    let [sent, received] = [0, 0];
    const send = (worker: BareWorker) => {
      if (sent >= count) return;
      const first = sent;
      sent = Math.min(sent + batch, count);
      worker.post(batch === 1 ? first : Array.from({ length: sent - first }, (_, i) => first + i));
    };
    for (const worker of workers) {
      worker.onMessage = (message) => {
        received += Array.isArray(message) ? message.length : 1;
        if (received === count) resolve();
        else send(worker);
      };
    }
    for (let i = 0; i < inFlight; i++) for (const worker of workers) send(worker);
  });
}
