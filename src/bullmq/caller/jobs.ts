import type { BulkJobOptions, Queue as BullQueue } from 'bullmq';
import { soon } from '../../soon.js';
import type { BullSettings } from '../connection.js';
import type { Member } from '../member.js';
import { Queue } from '../peers.js';
import type { JobData } from '../protocol.js';
import type { Packed } from './pack.js';
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
/** After every niceness. */
const LAST = 42;

/** Takes a job off the list, with all there is of it, in one step. Says whether it did, or a server has it, or nobody. */
const TAKE_BACK = `
if redis.call('ZREM', KEYS[1], ARGV[1]) + redis.call('LREM', KEYS[2], 0, ARGV[1]) == 0 then
  return redis.call('EXISTS', KEYS[3]) == 1 and 'served' or 'missing'
end
redis.call('DEL', KEYS[3])
return 'taken'
`;

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

  /** `packed`: with the arguments and the series. */
  add(posting: Posting, packed: Packed): void {
    const { id, attempt, doNext, doLast, niceness } = posting.assignment;
    const data: JobData = {
      caller: this.#member.id,
      job: posting.number,
      ...packed,
      id,
      attempt,
      update: '',
    };
    const opts: BulkJobOptions = { jobId: posting.jobId, removeOnComplete: true, removeOnFail: true };
    if (doLast) opts.priority = LAST;
    else if (!doNext) opts.priority = NO_NICENESS + niceness;
    if (this.#batch.length === 0) soon(() => void this.#add());
    this.#batch.push({ posting, name: packed.name, data, opts });
  }

  /** Takes a job back that waits. True if no server has it, or ever gets it. Throws if that can't be found out. */
  async takeBack({ jobId, added }: Posting): Promise<boolean> {
    await added;
    const { client, keys } = this.#member;
    const lists = [keys.job('prioritized'), keys.job('wait')];
    const answer = await client.eval(TAKE_BACK, 3, ...lists, keys.job(jobId), jobId);
    // It has run, or was taken before, and the answer to that was lost: then nothing is heard of it.
    if (answer === 'missing') await this.#member.received();
    return answer !== 'served';
  }

  /** Those of some tasks that have no job, though they have not ended. Throws if that can't be found out. */
  async missing(postings: readonly Posting[]): Promise<Posting[]> {
    const given = postings.filter(({ added }) => added !== null);
    await Promise.all(given.map(({ added }) => added));
    const { client, keys } = this.#member;
    const are = await Promise.all(given.map(({ jobId }) => client.exists(keys.job(jobId))));
    const missing = given.filter((_, i) => are[i] === 0);
    // Whoever ended a job has told the outcome before.
    if (missing.length > 0) await this.#member.received();
    return missing.filter((posting) => posting.source === null && this.#owner.postings.has(posting));
  }

  /** Adds the jobs of a tick, once the updates that were called before them are kept. */
  async #add(): Promise<void> {
    const batch = this.#batch.splice(0);
    const update = await this.#owner.latestUpdate();
    const entries = batch.filter(({ posting }) => this.#owner.postings.has(posting));
    const jobs = entries.map(({ name, data, opts }) => ({ name, data: { ...data, update }, opts }));
    const postings = entries.map(({ posting }) => posting);
    const [first] = jobs;
    // One alone needs no transaction.
    const isAlone = first !== undefined && jobs.length === 1;
    const adding: Promise<unknown> = isAlone
      ? this.#queue.add(first.name, first.data, first.opts)
      : this.#queue.addBulk(jobs);
    const added = adding.catch((error) => this.#owner.refused(postings, error));
    for (const posting of postings) posting.added = added;
  }
}
