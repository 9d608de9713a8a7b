import { ticketAfter } from '../protocol/claims.js';
import type { Code } from './code.js';
import { Posting } from './posting.js';
import type { RemoteSource } from './remote-source.js';
import type { Assignment } from './worker.js';

/**
 * The tasks on the other side of a link, by slot.
 *
 * Invariant: a slot has one task until it is freed, which it is when that task has ended on the other side or provably
 * never will begin there; the ticket tells the tasks of a slot apart.
 */
export class Slots {
  readonly #postings: (Posting | null)[] = [];
  readonly #free: number[] = [];
  #ticket = 0;

  /** Gives an assignment a slot and a ticket. */
  post(assignment: Assignment, code: Code, estimate: number): Posting {
    const slot = this.#free.pop() ?? this.#postings.length;
    this.#ticket = ticketAfter(this.#ticket);
    const posting = new Posting(assignment, code, slot, this.#ticket, estimate);
    this.#postings[slot] = posting;
    assignment.token = posting;
    return posting;
  }

  get isEmpty(): boolean {
    return this.#free.length === this.#postings.length;
  }

  free(slot: number): void {
    this.#postings[slot] = null;
    this.#free.push(slot);
  }

  *[Symbol.iterator](): IterableIterator<Posting> {
    for (const posting of this.#postings) if (posting !== null) yield posting;
  }

  has(posting: Posting): boolean {
    return this.#postings[posting.slot] === posting;
  }

  find(assignment: Assignment): Posting | undefined {
    const { token } = assignment;
    return token instanceof Posting && this.has(token) ? token : undefined;
  }

  /** The task in a slot, if it is still the one with this ticket. */
  holder(slot: number, ticket: number): Posting | undefined {
    const posting = this.#postings[slot];
    return posting?.ticket === ticket ? posting : undefined;
  }

  /** @throws TypeError if there is none: the other side has said something wrong. */
  at(slot: number): Posting {
    const posting = this.#postings[slot];
    if (posting == null) throw new TypeError(`no task is in slot ${slot}`);
    return posting;
  }

  /** The task in a slot, which has not ended yet. */
  runningAt(slot: number): Posting {
    const posting = this.at(slot);
    if (posting.source !== null) throw new TypeError(`the task in slot ${slot} has ended before`);
    return posting;
  }

  /** The source of the iteration that the task in a slot has led to. */
  sourceAt(slot: number): RemoteSource {
    const { source } = this.at(slot);
    if (source === null) throw new TypeError(`no iteration is in slot ${slot}`);
    return source;
  }
}
