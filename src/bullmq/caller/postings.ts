import type { Assignment } from '../../workers/worker.js';
import type { Watch } from '../watch.js';
import type { Posting } from './posting.js';

/** A server that runs some of them. */
interface Follower {
  readonly postings: Set<Posting>;
  unwatch(): void;
}

/**
 * What was sent to servers and has not ended.
 *
 * Each posting is known by its number, by its assignment and, once a server runs it, by that server: in all of them or
 * in none. A server is watched exactly as long as one of them is known by it.
 */
export class Postings {
  readonly #watch: Watch;
  readonly #gone: (server: string, left: readonly Posting[]) => void;
  readonly #byNumber = new Map<number, Posting>();
  readonly #byAssignment = new Map<Assignment, Posting>();
  readonly #byServer = new Map<string, Follower>();

  /** `gone` is told of a server that is gone, and what it ran. */
  constructor(watch: Watch, gone: (server: string, left: readonly Posting[]) => void) {
    this.#watch = watch;
    this.#gone = gone;
  }

  add(posting: Posting): void {
    this.#byNumber.set(posting.number, posting);
    this.#byAssignment.set(posting.assignment, posting);
  }

  has({ number }: Posting): boolean {
    return this.#byNumber.has(number);
  }

  get(number: number): Posting | undefined {
    return this.#byNumber.get(number);
  }

  of(assignment: Assignment): Posting | undefined {
    return this.#byAssignment.get(assignment);
  }

  /** All of them, as they are now. */
  values(): Posting[] {
    return [...this.#byNumber.values()];
  }

  /** A server runs it. */
  follow(posting: Posting, server: string): void {
    posting.server = server;
    let follower = this.#byServer.get(server);
    if (follower === undefined) {
      follower = { postings: new Set(), unwatch: this.#watch.watch(server, () => this.#serverGone(server)) };
      this.#byServer.set(server, follower);
    }
    follower.postings.add(posting);
  }

  /** It has ended: false if that was known. */
  forget(posting: Posting): boolean {
    const { server, number, assignment } = posting;
    this.#byAssignment.delete(assignment);
    const follower = server === null ? undefined : this.#byServer.get(server);
    follower?.postings.delete(posting);
    if (server !== null && follower?.postings.size === 0) {
      follower.unwatch();
      this.#byServer.delete(server);
    }
    return this.#byNumber.delete(number);
  }

  /** Forgets all of them, and returns them. */
  clear(): Posting[] {
    const all = this.values();
    for (const posting of all) this.forget(posting);
    return all;
  }

  #serverGone(server: string): void {
    this.#gone(server, [...(this.#byServer.get(server)?.postings ?? [])]);
  }
}
