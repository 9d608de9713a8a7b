import type { Code } from './code.js';
import type { RemoteSource } from './remote-source.js';
import type { Assignment } from './worker.js';

/** A task on the other side of a link. */
export class Posting {
  readonly assignment: Assignment;
  readonly code: Code;
  readonly slot: number;
  readonly ticket: number;
  /** What it is expected to take, in milliseconds. */
  readonly estimate: number;
  /** Whether it has begun, as far as this side knows. */
  isStarted = false;
  /** Whether it was asked to end. */
  isCancelled = false;
  /** Whether it was asked to end and had its time to. */
  isOverdue = false;
  /** Whether the other side has read that it should end, or what it was asked since. */
  isAnswered = false;
  timer: NodeJS.Timeout | undefined;
  /** What its items come from, if it has returned an iterator: then it runs no more, but keeps its slot. */
  source: RemoteSource | null = null;
  /** Those who wait to hear whether it was given back; null if nobody has asked. */
  recalls: ((isGivenBack: boolean) => void)[] | null = null;

  constructor(assignment: Assignment, code: Code, slot: number, ticket: number, estimate: number) {
    this.assignment = assignment;
    this.code = code;
    this.slot = slot;
    this.ticket = ticket;
    this.estimate = estimate;
  }

  /** Tells those who have asked for it back. */
  answer(isGivenBack: boolean): void {
    const { recalls } = this;
    this.recalls = null;
    if (recalls !== null) for (const resolve of recalls) resolve(isGivenBack);
  }
}
