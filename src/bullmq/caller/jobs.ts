import type { BulkJobOptions, Queue as BullQueue } from 'bullmq';
import { soon } from '../../soon.js';
import type { TaskRef } from '../../tasks/task-module.js';
import type { BullSettings } from '../connection.js';
import type { Member } from '../member.js';
import { moduleKey } from '../module-key.js';
import { Queue } from '../peers.js';
import type { JobData } from '../protocol.js';
import type { Posting } from './posting.js';
import type { Postings } from './postings.js';

/** A job as BullMQ takes it. */
interface Entry {
  readonly posting: Posting;
  readonly name: string;
  readonly data: JobData;
  readonly opts: BulkJobOptions;
}

/** BullMQ's priorities are 1, which goes first, and up; what has none goes before all others. */
const NO_NICENESS = 21;

export interface JobsOwner {
  readonly postings: Postings;
  /** The last kept update that what is added now must find done, once it is known. */
  latestUpdate(): Promise<string>;
  /** Redis has refused some of these, or all. */
  refused(postings: readonly Posting[], error: unknown): void;
}

/** The jobs of a caller's tasks, as BullMQ has them. Those of one tick are added together. */
export class Jobs {
  readonly #member: Member;
  readonly #owner: JobsOwner;
  readonly #queue: BullQueue;
  #batch: Entry[] = [];

  constructor({ name, prefix }: BullSettings, member: Member, owner: JobsOwner) {
    this.#member = member;
    this.#owner = owner;
    this.#queue = new Queue(name, { connection: member.client, prefix, streams: { events: { maxLen: 100 } } });
    // The member tells of what goes wrong with the connection.
    this.#queue.on('error', () => {});
  }

  async open(): Promise<void> {
    await this.#queue.waitUntilReady();
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  /** `payload`: the arguments and the series, encoded. */
  add(posting: Posting, { url, name }: TaskRef, payload: string): void {
    const { id, attempt, doNext, niceness } = posting.assignment;
    const data: JobData = {
      caller: this.#member.id,
      job: posting.number,
      module: moduleKey(url),
      name,
      id,
      attempt,
      update: '',
      payload,
    };
    const opts: BulkJobOptions = { jobId: posting.jobId, removeOnComplete: true, removeOnFail: true };
    if (!doNext) opts.priority = NO_NICENESS + niceness;
    if (this.#batch.length === 0) soon(() => void this.#add());
    this.#batch.push({ posting, name, data, opts });
  }

  /** Takes a job back that waits: true if it did, and then no server gets it. */
  async takeBack({ jobId, isAdded }: Posting): Promise<boolean> {
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

  /** Those of some tasks that have no job, though they have not ended. */
  async missing(postings: readonly Posting[]): Promise<Posting[]> {
    const added = postings.filter(({ isAdded, source }) => isAdded && source === null);
    const { client, keys } = this.#member;
    const are = await Promise.all(added.map(({ jobId }) => client.exists(keys.job(jobId)))).catch(() => []);
    return added.filter((posting, i) => are[i] === 0 && this.#owner.postings.has(posting));
  }

  /** Adds the jobs of a tick, once the updates that were called before them are kept. */
  async #add(): Promise<void> {
    const batch = this.#batch.splice(0);
    const update = await this.#owner.latestUpdate();
    const entries = batch.filter(({ posting }) => this.#owner.postings.has(posting));
    for (const { posting } of entries) posting.isAdded = true;
    const jobs = entries.map(({ name, data, opts }) => ({ name, data: { ...data, update }, opts }));
    try {
      const [first] = jobs;
      // One alone needs no transaction.
      if (first !== undefined && jobs.length === 1) await this.#queue.add(first.name, first.data, first.opts);
      else await this.#queue.addBulk(jobs);
    } catch (error) {
      this.#owner.refused(
        entries.map(({ posting }) => posting),
        error,
      );
    }
  }
}
