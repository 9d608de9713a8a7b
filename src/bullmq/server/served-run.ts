import { Producer } from '../../child/producer.js';
import { now } from '../../clock.js';
import { isNiceqError, WorkerLostError } from '../../errors.js';
import { TaskIterator } from '../../iteration/iteration.js';
import { encodeError } from '../../protocol/error-record.js';
import { refusedResult } from '../../protocol/uncloneable.js';
import type { Task } from '../../queue/task.js';
import type { TaskRef } from '../../tasks/task-module.js';
import { probe } from '../codec.js';
import { type JobData, type Message, type Reports, write } from '../protocol.js';
import type { ServerQueue, TaskListener } from './server-queue.js';

export interface RunOwner {
  readonly id: string;
  readonly queue: ServerQueue;
  /** How long items may go unread, in milliseconds: there is a limit only while the server ends. */
  readonly patience: number | null;
  /** Puts a message into the inbox of a caller. */
  send(caller: string, job: number, message: string): void;
  /** The run begins: `tellStarted` is to follow, unless it is over before anybody needs to know. */
  begun(run: ServedRun): void;
  /** The run is over, its iteration too. */
  over(run: ServedRun): void;
}

/** One attempt of a caller's task, from when it came here until its result, or the last of its items, was sent. */
export class ServedRun implements TaskListener {
  readonly caller: string;
  readonly job: number;
  readonly #owner: RunOwner;
  #task: Task | null = null;
  #items: TaskIterator | null = null;
  #producer: Producer | null = null;
  #batches = 0;
  /** How often the caller has asked for items: for the first batch, and when it had read one. */
  #pulls = 0;
  #patienceTimer: NodeJS.Timeout | undefined;
  /** Whether the caller knows that it has begun, which it also hears with the end. */
  #isKnown = false;
  /** Whether the caller was told that it ends otherwise: nothing more is sent. */
  #isSilent = false;
  #isAbandoned = false;

  constructor({ caller, job }: JobData, owner: RunOwner) {
    this.caller = caller;
    this.job = job;
    this.#owner = owner;
  }

  /** Runs the task. Resolves when it has ended, though its items may yet have to be made. */
  async run(ref: TaskRef, args: unknown[], series: unknown, { id, attempt }: JobData): Promise<void> {
    try {
      // Throws for what no caller of ours can have sent.
      this.#task = this.#owner.queue.perform(ref, args, { id, series, attempt }, this);
      const value = await this.#task.promise;
      if (value instanceof TaskIterator) this.#iterate(value);
      else this.#done(value);
    } catch (error) {
      this.#failed(error);
    } finally {
      if (this.#producer === null) this.#over();
    }
  }

  started(): void {
    this.#owner.begun(this);
  }

  progressed(progress: unknown): void {
    try {
      this.#tell(['progress', this.job, progress]);
    } catch {
      // A report that can't be sent is dropped, as on every kind of worker.
    }
  }

  /** Tells that it has begun, unless that is known. */
  tellStarted(): void {
    if (this.#isKnown) return;
    this.#tell(['started', this.job, this.#owner.id, this.#times[0]]);
    this.#isKnown = true;
  }

  pull(): void {
    this.#pulls++;
    this.#producer?.pull();
    this.expectReader();
  }

  /**
   * If the server ends, the iteration goes on only as long as somebody reads it. Of that the server hears when a whole
   * batch has been read; a reader who has read all there is waits for more.
   */
  expectReader(): void {
    clearTimeout(this.#patienceTimer);
    this.#patienceTimer = undefined;
    const { patience } = this.#owner;
    if (patience === null || this.#producer === null || this.#isSilent || this.#pulls > this.#batches) return;
    const error = new WorkerLostError('The server was closed, and nobody read the items');
    this.#patienceTimer = setTimeout(() => this.lose(error), patience);
  }

  close(): void {
    this.#producer?.close();
  }

  /** It should end; it is over when it has. */
  abort(reason: unknown): void {
    if (this.#items !== null) this.#items.abort(reason);
    else if (this.#task !== null) this.#owner.queue.end(this.#task, reason);
  }

  /** The server gives it up. */
  lose(error: WorkerLostError): void {
    const record = encodeError(error, probe);
    this.#tell(this.#producer === null ? ['lost', this.job, record] : ['iterated', this.job, record]);
    this.#isSilent = true;
    this.abandon(error);
  }

  /** Ends it, as nobody seems to wait for it any more. A caller that comes back hears how it ended. */
  abandon(reason: Error): void {
    if (this.#isAbandoned) return;
    this.#isAbandoned = true;
    this.abort(reason);
    this.close();
  }

  get #times(): [startedAt: number, endedAt: number] {
    const at = now();
    return [this.#task?.startedAt ?? at, this.#task?.endedAt ?? at];
  }

  #done(value: unknown): void {
    this.#isKnown = true;
    try {
      this.#tell(['done', this.job, value, ...this.#times]);
    } catch (cause) {
      this.#failed(refusedResult('The result', value, probe, cause));
    }
  }

  #failed(error: unknown): void {
    this.#isKnown = true;
    const record = encodeError(error, probe);
    // A task may throw the loss of another one, which it has called.
    const isLost = isNiceqError(error, 'ERR_WORKER_LOST') && (this.#isAbandoned || !this.#owner.queue.hasThrown(error));
    if (isLost) this.#tell(['lost', this.job, record]);
    else this.#tell(['failed', this.job, record, ...this.#times]);
  }

  #iterate(items: TaskIterator): void {
    this.tellStarted();
    this.#items = items;
    this.#tell(['iterates', this.job, ...this.#times]);
    this.#producer = new Producer(items, {
      inContext: (fn) => fn(),
      postItems: (items) => {
        this.#tell(['items', this.job, this.#batches, items]);
        this.#batches++;
        if (this.#patienceTimer === undefined) this.expectReader();
      },
      refusal: (item, cause) => refusedResult('The item', item, probe, cause),
      ended: (end) => {
        clearTimeout(this.#patienceTimer);
        this.#tell(['iterated', this.job, end === undefined ? null : encodeError(end.error, probe)]);
        this.#over();
      },
    });
    if (this.#isAbandoned) this.#producer.close();
    else this.expectReader();
  }

  #over(): void {
    if (this.#task !== null) this.#owner.queue.leave(this.#task);
    this.#owner.over(this);
  }

  #tell(report: Message<Reports>): void {
    if (!this.#isSilent) this.#owner.send(this.caller, this.job, write<Reports>(report));
  }
}
