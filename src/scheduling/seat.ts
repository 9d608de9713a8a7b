import type { Crew } from './crew.js';
import type { Job } from './job.js';
import { type Turn, TurnHeap } from './turn-heap.js';

/** A worker as the scheduler sees it: so many places for jobs. The least loaded goes first, then the last used. */
export abstract class Seat implements Turn {
  time = 0;
  order = 0;
  index = -1;
  abstract readonly kind: string;
  /** How many jobs it runs at a time. */
  abstract readonly concurrency: number;
  /** The crew it belongs to; null before it was placed and after it left. */
  crew: Crew | null = null;
  /** Its desk there, from when it is opened. */
  desk: Desk | null = null;
  /** Jobs assigned to it and not ended. */
  load = 0;
  /** Iterations that go on there. */
  iterationCount = 0;
  isOpen = false;

  /** Whether it may be given more than it runs at a time, to hold ahead of its turn. */
  abstract readonly canHold: boolean;
  /** Whether it would hold this job, given what it holds already. */
  abstract wouldHold(job: Job): boolean;
}

/** The workers of one kind in a crew. */
export class Desk {
  readonly kind: string;
  /** The latest virtual time at which one of its workers was given a job. */
  clock = 0;
  /** Workers that belong here, with a free place or not. */
  members = 0;
  /** Those that can be given a job. */
  readonly seats = new TurnHeap<Seat>();

  constructor(kind: string) {
    this.kind = kind;
  }
}
