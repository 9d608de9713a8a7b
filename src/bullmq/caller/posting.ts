import type { RemoteSource } from '../../workers/remote-source.js';
import type { Assignment } from '../../workers/worker.js';

/** A task that was sent to whichever server takes it, and has not ended there. */
export class Posting {
  readonly assignment: Assignment;
  readonly number: number;
  /** The id of its job. */
  readonly jobId: string;
  /** Resolves when BullMQ has taken its job, or refused it; null while it was not given to BullMQ. */
  added: Promise<unknown> | null = null;
  /** The server that runs it; null while none has said so. */
  server: string | null = null;
  /** Why it should end, if it should. */
  abort: { readonly reason: unknown } | null = null;
  /** What its items come from, if it has returned an iterator. */
  source: RemoteSource | null = null;
  /** How many batches have come: one that comes again is known by its number. */
  batches = 0;

  constructor(assignment: Assignment, number: number, caller: string) {
    this.assignment = assignment;
    this.number = number;
    this.jobId = `${caller}-${number}`;
  }
}
