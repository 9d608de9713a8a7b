import { ANY, type Requirement } from '../../../src/scheduling/acceptance.js';
import type { Crew } from '../../../src/scheduling/crew.js';
import type { Job } from '../../../src/scheduling/job.js';
import { type Band, NORMAL } from '../../../src/scheduling/lane.js';
import { Scheduler } from '../../../src/scheduling/scheduler.js';
import { Seat } from '../../../src/scheduling/seat.js';

export class StubJob implements Job {
  prev: Job | null = null;
  next: Job | null = null;
  row: Job['row'] = null;
  place = 0;
  takenAt = 0;
  repeated = false;
  holdable = true;
  readonly name: string;
  niceness: number;
  readonly weight: number;

  constructor(name: string, niceness = 0, weight = 1) {
    this.name = name;
    this.niceness = niceness;
    this.weight = weight;
  }
}

/** A worker that holds `ahead` jobs more than it runs. */
export class StubSeat extends Seat {
  readonly kind: string;
  readonly concurrency: number;
  readonly ahead: number;

  constructor(kind = 'async', concurrency = 1, ahead = 0) {
    super();
    this.kind = kind;
    this.concurrency = concurrency;
    this.ahead = ahead;
  }

  get canHold(): boolean {
    return this.ahead > 0;
  }

  wouldHold(): boolean {
    return this.load < this.concurrency + this.ahead;
  }
}

export interface Assignment {
  job: StubJob;
  seat: StubSeat;
  crew: Crew;
}

export interface Submission {
  niceness?: number;
  weight?: number;
  band?: Band;
  requirement?: Requirement;
}

/** A scheduler with workers that run what they are told when they are told. */
export class Shop {
  readonly scheduler = new Scheduler();
  readonly running: Assignment[] = [];
  /** The names of all jobs assigned so far. */
  readonly log: string[] = [];
  now = 0;

  hire(kind = 'async', concurrency = 1, series: readonly unknown[] | null = null): StubSeat {
    const seat = new StubSeat(kind, concurrency);
    const crew = this.scheduler.crew(series === null ? null : new Set(series));
    this.scheduler.join(crew, kind);
    this.scheduler.open(seat, crew);
    return seat;
  }

  submit(series: unknown, options: Submission = {}, name = String(series)): StubJob {
    const job = new StubJob(name, options.niceness, options.weight);
    this.scheduler.add(job, series, options.band ?? NORMAL, options.requirement ?? ANY);
    return job;
  }

  dispatch(): StubJob[] {
    const jobs: StubJob[] = [];
    this.scheduler.dispatch(() => this.now, {
      assign: (job, seat) => {
        const stub = job as StubJob;
        jobs.push(stub);
        this.log.push(stub.name);
        this.running.push({ job: stub, seat: seat as StubSeat, crew: seat.crew as Crew });
      },
    });
    return jobs;
  }

  /** Ends what has run longest, or what `seat` has run longest. */
  finish(seat?: StubSeat): StubJob {
    const { job } = this.#vacate(seat);
    this.scheduler.finish(job);
    return job;
  }

  /** Has what has run longest run again. */
  repeat(): StubJob {
    const { job } = this.#vacate();
    job.repeated = true;
    this.scheduler.repeat(job);
    return job;
  }

  /** Has what was assigned first given back. */
  giveBack(): StubJob {
    const { job, crew } = this.#vacate();
    this.scheduler.giveBack(job, crew);
    return job;
  }

  #vacate(seat?: StubSeat): Assignment {
    const index = seat === undefined ? 0 : this.running.findIndex((assignment) => assignment.seat === seat);
    const [assignment] = this.running.splice(index, 1);
    if (assignment === undefined) throw new Error('nothing runs');
    assignment.seat.load--;
    this.scheduler.touch(assignment.seat);
    return assignment;
  }

  /** Dispatches and finishes, what has run longest first, until `count` jobs have been assigned in all, or all are. */
  run(count = Number.POSITIVE_INFINITY): string[] {
    this.dispatch();
    while (this.log.length < count && this.running.length > 0) {
      this.finish();
      this.dispatch();
    }
    return this.log;
  }
}

export function countOf(log: readonly string[], name: string): number {
  let count = 0;
  for (const entry of log) if (entry === name) count++;
  return count;
}
