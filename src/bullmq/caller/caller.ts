import { messageOf, NotPortableError, WorkerLostError } from '../../errors.js';
import { decodeError, type ErrorRecord, encodeError } from '../../protocol/error-record.js';
import { portableSeries } from '../../protocol/portable.js';
import type { Logger } from '../../queue/options.js';
import type { TaskRef } from '../../tasks/task-module.js';
import { within } from '../../within.js';
import { RemoteSource } from '../../workers/remote-source.js';
import type { Assignment } from '../../workers/worker.js';
import { probe } from '../codec.js';
import type { BullSettings } from '../connection.js';
import { Member } from '../member.js';
import { type Message, type Orders, type Reports, read, reports, write } from '../protocol.js';
import { Jobs } from './jobs.js';
import { pack } from './pack.js';
import { Patience } from './patience.js';
import { Posting } from './posting.js';
import { Postings } from './postings.js';
import { UpdateDesk } from './update-desk.js';

/** How long whoever leaves at once waits for what it takes back, in milliseconds: Redis may not answer. */
const GOODBYE = 1000;

export interface CallerSettings extends BullSettings {
  readonly grace: number;
  /** How long Redis may be away, in milliseconds. */
  readonly patience: number;
  readonly logger: Logger | undefined;
}

/**
 * The caller's side of a name: what was sent to its servers and has not come back.
 *
 * A task becomes a job, and whatever its server says of it comes into this one's inbox.
 */
export class Caller implements Reports {
  readonly #settings: CallerSettings;
  readonly #resign: (error: Error) => void;
  #count = 0;
  #member!: Member;
  #postings!: Postings;
  #jobs!: Jobs;
  #updates!: UpdateDesk;
  #patience!: Patience;
  #isOpen = false;
  /** Why it was not opened, if Redis went away meanwhile. */
  #gaveUp: Error | null = null;
  #stopping: Promise<void> | null = null;

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
    this.#member = await Member.connect('caller', { ...this.#settings, isRef: false });
    const { client, watch } = this.#member;
    this.#postings = new Postings(watch, (server, left) => this.#serverGone(server, left));
    this.#updates = new UpdateDesk(this.#member);
    this.#jobs = new Jobs(this.#settings, this.#member, {
      postings: this.#postings,
      latestUpdate: () => this.#updates.latest(),
      refused: (postings, cause) => void this.#findLost(postings, refusal('the task', cause)),
    });
    this.#patience = new Patience(client, this.#settings.patience, () => this.#giveUp());
    try {
      await this.#jobs.open();
      await this.#member.enter({
        receive: (job, message) => this.#receive(job, message),
        refused: (_, jobs, why) => this.#refused(jobs, why),
        reconnected: (wasForgotten) => this.#reconnected(wasForgotten),
        arrived: (server) => this.#updates.arrived(server),
      });
      this.#isOpen = true;
    } catch (error) {
      await this.stop();
      throw this.#gaveUp ?? error;
    }
  }

  run(assignment: Assignment, ref: TaskRef): void {
    if (this.#member.isLeaving) {
      assignment.lost(new WorkerLostError('The worker has left, as the program was about to end'));
      return;
    }
    const packed = pack(assignment, ref, [assignment.args, portableSeries(assignment.series)]);
    if (packed === null) return;
    const posting = new Posting(assignment, ++this.#count, this.#member.id);
    this.#postings.add(posting);
    this.#jobs.add(posting, packed);
  }

  update(assignment: Assignment, ref: TaskRef): void {
    void this.#updates.run(assignment, ref, ++this.#count);
  }

  /** Takes a task back that no server has begun. */
  async recall(assignment: Assignment): Promise<boolean> {
    const posting = this.#postings.of(assignment);
    return posting !== undefined && (await this.#takeBack(posting));
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
      if (isBack) assignment.fail(reason);
    });
  }

  /** Leaves, when everything has settled. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#patience.end();
    this.#updates.close();
    await this.#member.leave();
    await this.#jobs.close();
  }

  /** Leaves at once: takes back what waits, and tells the servers to end what runs. */
  async crash(): Promise<void> {
    if (this.#stopping !== null) return;
    const left = this.#postings.clear();
    const error = new WorkerLostError('The worker was detached');
    for (const posting of left) {
      posting.source?.ended(error, true);
      this.#abort(posting, error);
    }
    if (this.#member.isConnected) {
      const waiting = left.filter(({ server, added }) => server === null && added !== null);
      // What can't be taken back servers drop, as its caller is gone.
      await within(GOODBYE, Promise.allSettled(waiting.map((posting) => this.#jobs.takeBack(posting))));
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
      abort: (reason) => this.#abort(posting, reason),
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
      // What was run has had its effect, so it is not run again.
      const error = new NotPortableError(`What the server said of the task can't be read: ${messageOf(cause)}`, {
        cause,
      });
      this.#updates.fail(job, error);
      const posting = this.#postings.get(job);
      if (posting === undefined) return;
      this.#abort(posting, error);
      this.#postings.forget(posting);
      if (posting.source !== null) posting.source.ended(error, true);
      else posting.assignment.fail(error);
    }
  }

  /** Something that was to be said of these, here or by a server, was not: nobody knows how they stand. */
  #refused(jobs: readonly number[], why: string): void {
    for (const job of jobs) {
      const error = refusal('what was to be said of the task', why);
      this.#updates.fail(job, error);
      const posting = this.#postings.get(job);
      if (posting !== undefined) this.#lose(posting, error);
    }
  }

  /** Loses those of some tasks that have no job. */
  async #findLost(postings: readonly Posting[], error: WorkerLostError): Promise<void> {
    const missing = await this.#member.insist(() => this.#jobs.missing(postings));
    for (const posting of missing ?? []) this.#abandon(posting, error);
  }

  /** Takes a task back that no server has begun: false if one has, or it has ended. */
  async #takeBack(posting: Posting): Promise<boolean> {
    if (posting.server !== null) return false;
    if (posting.added !== null && !(await this.#member.insist(() => this.#jobs.takeBack(posting)))) return false;
    return posting.server === null && this.#postings.forget(posting);
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

  /** Loses a task that a server may have all the same. */
  #abandon(posting: Posting, error: WorkerLostError): void {
    this.#abort(posting, error);
    this.#lose(posting, error);
  }

  #lose(posting: Posting, error: WorkerLostError): void {
    this.#postings.forget(posting);
    if (posting.source !== null) posting.source.ended(error, true);
    else posting.assignment.lost(error);
  }

  #reconnected(wasForgotten: boolean): void {
    if (wasForgotten) {
      const error = new WorkerLostError(
        'What servers said of the task is lost: they took the caller for gone, or Redis has dropped its inbox',
      );
      for (const posting of this.#postings.values()) if (posting.server !== null) this.#abandon(posting, error);
    }
    void this.#lookForServers();
    // One that keeps nothing on disk has forgotten what it had.
    void this.#findLost(this.#postings.values(), new WorkerLostError('Redis has lost the task'));
  }

  /** One may have come while this one was away. */
  async #lookForServers(): Promise<void> {
    for (const server of await this.#member.present('server')) this.#updates.arrived(server);
  }

  /** A task has ended on its server. */
  #end(job: number, startedAt: number): Posting | undefined {
    const posting = this.#postings.get(job);
    if (posting === undefined || posting.source !== null) return undefined;
    if (startedAt > 0) posting.assignment.started(startedAt);
    this.#postings.forget(posting);
    return posting;
  }

  #giveUp(): void {
    const { patience, name } = this.#settings;
    const error = new WorkerLostError(`Redis has been unreachable for ${patience} ms, so \`${name}\` can't be used`);
    if (this.#isOpen) {
      this.#resign(error);
      return;
    }
    this.#gaveUp = error;
    // Then what waits for Redis in `#open` waits no more.
    this.#member.disconnect();
  }
}

function lossOf(error: unknown): WorkerLostError {
  return error instanceof WorkerLostError ? error : new WorkerLostError(String(error), { cause: error });
}

/** The loss of a task of which Redis did not take something. */
function refusal(what: string, why: unknown): WorkerLostError {
  if (why instanceof Error) return new WorkerLostError(`Redis refused ${what}: ${why.message}`, { cause: why });
  return new WorkerLostError(`Redis refused ${what}: ${why}`);
}
