import type { Row } from './lane.js';

/** What the scheduler knows of a task. The fields belong to the scheduler while the job waits in it. */
export interface Job {
  /** Neighbours in the row it waits in. */
  prev: Job | null;
  next: Job | null;
  /** The row it waits in, or was taken from; null before it was ever queued. */
  row: Row | null;
  /** Its place in the order of arrival. A job that is given back returns to it. */
  place: number;
  /** When it was last taken, by the clock that rate limits go by; unknown unless there was such a limit. */
  takenAt: number;
  /** -20..20. */
  niceness: number;
  /** Scheduling cost at niceness 0. */
  readonly weight: number;
  /** Whether an earlier attempt has started. */
  readonly repeated: boolean;
  /** Whether a worker may hold it ahead of its turn. */
  readonly holdable: boolean;
}

const COSTS = Array.from({ length: 41 }, (_, i) => 2 ** ((i - 20) / 10));

/** What starting the job costs its series, in virtual time: ten points of niceness halve a series' share. */
export function costOf(job: Job): number {
  return job.weight * (COSTS[job.niceness + 20] as number);
}
