import { setTimeout as sleep } from 'node:timers/promises';
import type { BulkJobOptions, Queue as BullQueue } from 'bullmq';
import { NotPortableError, WorkerLostError } from '../../errors.js';
import { decodeError, type ErrorRecord, encodeError } from '../../protocol/error-record.js';
import { portableSeries } from '../../protocol/portable.js';
import { refusedArgument } from '../../protocol/uncloneable.js';
import { soon } from '../../soon.js';
import type { TaskRef } from '../../tasks/task-module.js';
import { RemoteSource } from '../../workers/remote-source.js';
import type { Assignment } from '../../workers/worker.js';
import { encode, probe } from '../codec.js';
import type { BullSettings } from '../connection.js';
import { Member } from '../member.js';
import { moduleKey } from '../module-key.js';
import { Queue } from '../peers.js';
import { type JobData, type Message, type Orders, type Reports, read, reports, write } from '../protocol.js';
import { Posting } from './posting.js';
import { Postings } from './postings.js';
import { UpdateDesk } from './update-desk.js';

export interface CallerSettings extends BullSettings {
  readonly grace: number;
  /** How long Redis may be away, in milliseconds. */
  readonly patience: number;
}

/** A job as BullMQ takes it. */
interface Entry {
  readonly name: string;
  readonly data: JobData;
  readonly opts: BulkJobOptions;
}

/** BullMQ's priorities are 1, which goes first, and up; what has none goes before all others. */
const NO_NICENESS = 21;

/**
 * The caller's side of a name: what was sent to its servers and has not come back.
 *
 * A task becomes a job, and whatever its server says of it comes into this one's inbox. Jobs of one tick are added
 * together.
 */
export class Caller implements Reports {
  readonly #settings: CallerSettings;
  readonly #resign: (error: Error) => void;
  #batch: Entry[] = [];
  #count = 0;
  #member!: Member;
  #queue!: BullQueue;
  #postings!: Postings;
  #updates!: UpdateDesk;
  #patience: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(settings: CallerSettings, resign: (error: Error) => void) {
    this.#settings = settings;
    this.#resign = resign;
  }

  /** Connects. Throws why it can't. */
  static async open(settings: CallerSettings, resign: (error: Error) => void): Promise<Caller> {
    const caller = new Caller(settings, resign);
    await caller.#open();
    return caller;
  }

  async #open(): Promise<void> {
    const { name, prefix } = this.#settings;
    this.#member = await Member.connect('caller', { ...this.#settings, isRef: false, logger: undefined });
    const { client } = this.#member;
    this.#postings = new Postings(this.#member.watch, (server, left) => this.#serverGone(server, left));
    this.#updates = new UpdateDesk(this.#member);
    this.#queue = new Queue(name, { connection: client, prefix, streams: { events: { maxLen: 100 } } });
    // The member tells of what goes wrong with the connection.
    this.#queue.on('error', () => {});
    try {
      await this.#queue.waitUntilReady();
      await this.#member.enter({
        receive: (job, message) => this.#receive(job, message),
        reconnected: (wasForgotten) => this.#reconnected(wasForgotten),
        arrived: (server) => this.#updates.arrived(server),
      });
    } catch (error) {
      await this.stop();
      throw error;
    }
    client.on('close', () => this.#disconnected());
    client.on('ready', () => this.#connected());
  }

  run(assignment: Assignment, ref: TaskRef): void {
    if (this.#member.isLeaving) {
      assignment.lost(new WorkerLostError('The worker has left, as the program was about to end'));
      return;
    }
    const posting = new Posting(assignment, ++this.#count, this.#member.id);
    let payload: string;
    try {
      payload = encode([assignment.args, portableSeries(assignment.series)]);
    } catch (cause) {
      assignment.fail(refusedArgument(assignment.args, probe, cause));
      return;
    }
    this.#postings.add(posting);
    const { id, attempt, doNext, niceness } = assignment;
    const data: JobData = {
      caller: this.#member.id,
      job: posting.number,
      module: moduleKey(ref.url),
      name: ref.name,
      id,
      attempt,
      update: '',
      payload,
    };
    const opts: BulkJobOptions = { jobId: posting.jobId, removeOnComplete: true, removeOnFail: true };
    if (!doNext) opts.priority = NO_NICENESS + niceness;
    if (this.#batch.length === 0) soon(() => void this.#add());
    this.#batch.push({ name: ref.name, data, opts });
  }

  update(assignment: Assignment, ref: TaskRef): void {
    void this.#updates.run(assignment, ref, ++this.#count);
  }

  /** Takes a task back that no server has begun. */
  async recall(assignment: Assignment): Promise<boolean> {
    const posting = this.#postings.of(assignment);
    if (posting === undefined || posting.server !== null) return false;
    return (await this.#takeBack(posting)) && this.#postings.forget(posting);
  }

  cancel(assignment: Assignment, reason: unknown): void {
    const posting = this.#postings.of(assignment);
    if (posting === undefined || posting.abort !== null) return;
    posting.abort = { reason };
    if (posting.server !== null) {
      this.#abort(posting);
      return;
    }
    void this.#takeBack(posting).then((isBack) => {
      // If not, it is told to end as soon as it is known where it runs.
      if (!isBack || !this.#postings.forget(posting)) return;
      assignment.fail(reason);
    });
  }

  /** Leaves, when everything has settled. */
  async stop(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#patience);
    this.#updates.close();
    await this.#member.leave();
    await this.#queue.close();
  }

  /** Leaves at once: takes back what waits, and tells the servers to end what runs. */
  async crash(): Promise<void> {
    if (this.#isClosed) return;
    const left = this.#postings.clear();
    const error = new WorkerLostError('The worker was detached');
    for (const posting of left) {
      posting.abort = { reason: error };
      posting.source?.ended(error, true);
      if (posting.server !== null) this.#abort(posting);
    }
    if (this.#member.client.status === 'ready') {
      await Promise.all(left.filter(({ server }) => server === null).map((posting) => this.#takeBack(posting)));
    }
    await this.stop();
  }

  // --- what servers say ---------------------------------------------------------------------------------------------

  started(job: number, server: string, at: number): void {
    const posting = this.#postings.get(job);
    if (posting === undefined || posting.server !== null) return;
    this.#postings.follow(posting, server);
    if (posting.abort !== null) this.#abort(posting);
    posting.assignment.started(at);
  }

  done(job: number, value: unknown, startedAt: number, endedAt: number): void {
    const posting = this.#end(job, startedAt);
    posting?.assignment.done(value, endedAt);
  }

  failed(job: number, error: ErrorRecord, startedAt: number, endedAt: number): void {
    const reason = decodeError(error);
    const posting = this.#end(job, startedAt);
    posting?.assignment.fail(reason, endedAt);
  }

  lost(job: number, error: ErrorRecord): void {
    const posting = this.#postings.get(job);
    if (posting !== undefined) this.#lose(posting, lossOf(decodeError(error)));
  }

  iterates(job: number, startedAt: number, endedAt: number): void {
    const posting = this.#postings.get(job);
    if (posting === undefined || posting.source !== null) return;
    posting.assignment.started(startedAt);
    posting.source = new RemoteSource({
      pull: () => this.#tell(posting, ['pull', this.#member.id, job]),
      close: () => this.#tell(posting, ['close', this.#member.id, job]),
      abort: (reason) => this.#tell(posting, ['abort', this.#member.id, job, encodeError(reason, probe)]),
    });
    posting.assignment.iterate(posting.source, endedAt);
  }

  items(job: number, batch: number, items: unknown[]): void {
    const posting = this.#postings.get(job);
    if (posting === undefined || batch !== posting.batches) return;
    posting.batches++;
    posting.source?.arrived(items);
  }

  iterated(job: number, error: ErrorRecord | null): void {
    const posting = this.#postings.get(job);
    if (posting === undefined) return;
    const reason = error === null ? undefined : decodeError(error);
    if (posting.source === null) {
      // Its beginning went to an inbox that was removed while this one was away.
      this.#lose(posting, lossOf(reason ?? 'The items of the task are lost'));
      return;
    }
    this.#postings.forget(posting);
    posting.source.ended(reason, error !== null);
  }

  progress(job: number, value: unknown): void {
    this.#postings.get(job)?.assignment.progress(value);
  }

  updated(job: number, server: string, value: unknown, error: ErrorRecord | null): void {
    this.#updates.updated(job, server, value, error);
  }

  // --- within -------------------------------------------------------------------------------------------------------

  #receive(job: number, message: string): void {
    try {
      read<Reports>(message, reports, this);
    } catch (cause) {
      const posting = this.#postings.get(job);
      if (posting === undefined) return;
      // The task has had its effect, so it is not run again.
      const why = cause instanceof Error ? cause.message : String(cause);
      const error = new NotPortableError(`What the server said of the task can't be read: ${why}`, { cause });
      if (posting.server !== null) this.#abort(posting, error);
      this.#postings.forget(posting);
      if (posting.source !== null) posting.source.ended(error, true);
      else posting.assignment.fail(error);
    }
  }

  /** Redis is back. One that keeps nothing on disk has forgotten what it had. */
  async #findLost(): Promise<void> {
    const missing = await this.#missing();
    if (missing.length === 0) return;
    // A result may have come before, and be read yet.
    await sleep(this.#settings.grace, undefined, { ref: false });
    for (const posting of await this.#missing()) {
      if (missing.includes(posting)) this.#lose(posting, new WorkerLostError('Redis has lost the task'));
    }
  }

  /** Tasks without a job, though they have not ended. */
  async #missing(): Promise<Posting[]> {
    const postings = this.#postings.values().filter(({ isAdded, source }) => isAdded && source === null);
    const { client, keys } = this.#member;
    const are = await Promise.all(postings.map(({ jobId }) => client.exists(keys.job(jobId)))).catch(() => []);
    return postings.filter((posting, i) => are[i] === 0 && this.#postings.get(posting.number) !== undefined);
  }

  /** Adds the jobs of a tick, once the updates that were called before them are kept. */
  async #add(): Promise<void> {
    const batch = this.#batch.splice(0);
    const update = await this.#updates.latest();
    const entries = batch.filter(({ data }) => this.#postings.get(data.job) !== undefined);
    for (const { data } of entries) (this.#postings.get(data.job) as Posting).isAdded = true;
    try {
      const jobs = entries.map((entry) => ({ ...entry, data: { ...entry.data, update } }));
      const [first] = jobs;
      // One alone needs no transaction.
      if (first !== undefined && jobs.length === 1) await this.#queue.add(first.name, first.data, first.opts);
      else await this.#queue.addBulk(jobs);
    } catch (error) {
      for (const { data } of entries) this.#end(data.job, 0)?.assignment.fail(error);
    }
  }

  /** Takes a job back that waits: true if it did, and then no server gets it. */
  async #takeBack({ jobId, isAdded }: Posting): Promise<boolean> {
    if (!isAdded) return true;
    const { client, keys } = this.#member;
    try {
      // Exactly one succeeds in taking it off the list: this one, or a server.
      const taken = await client.multi().zrem(keys.job('prioritized'), jobId).lrem(keys.job('wait'), 0, jobId).exec();
      if (!taken?.some(([, count]) => Number(count) > 0)) return false;
      await this.#queue.remove(jobId);
      return true;
    } catch {
      return false;
    }
  }

  #abort(posting: Posting, reason = posting.abort?.reason): void {
    this.#tell(posting, ['abort', this.#member.id, posting.number, encodeError(reason, probe)]);
  }

  #tell({ server, number }: Posting, order: Message<Orders>): void {
    if (server !== null) this.#member.send(server, number, write<Orders>(order));
  }

  #serverGone(server: string, left: readonly Posting[]): void {
    void this.#member.forget(server);
    for (const posting of left) this.#lose(posting, new WorkerLostError('The server that ran the task is gone'));
  }

  #lose(posting: Posting, error: WorkerLostError): void {
    this.#postings.forget(posting);
    if (posting.source !== null) posting.source.ended(error, true);
    else posting.assignment.lost(error);
  }

  #reconnected(wasForgotten: boolean): void {
    if (wasForgotten) {
      const error = new WorkerLostError('The servers took the caller for gone, as it was away from Redis for too long');
      for (const posting of this.#postings.values()) if (posting.server !== null) this.#lose(posting, error);
    }
    void this.#findLost();
  }

  /** A task has ended on its server. */
  #end(job: number, startedAt: number): Posting | undefined {
    const posting = this.#postings.get(job);
    if (posting === undefined || posting.source !== null) return undefined;
    if (startedAt > 0) posting.assignment.started(startedAt);
    this.#postings.forget(posting);
    return posting;
  }

  #disconnected(): void {
    const { patience, name } = this.#settings;
    if (this.#isClosed || this.#patience !== undefined || patience === Number.POSITIVE_INFINITY) return;
    this.#patience = setTimeout(() => {
      this.#resign(new WorkerLostError(`Redis has been unreachable for ${patience} ms, so \`${name}\` can't be used`));
    }, patience);
    this.#patience.unref();
  }

  #connected(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }
}

function lossOf(error: unknown): WorkerLostError {
  return error instanceof WorkerLostError ? error : new WorkerLostError(String(error), { cause: error });
}
