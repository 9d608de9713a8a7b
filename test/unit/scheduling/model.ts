/**
 * What the scheduler is to do, put as plainly as possible: everything is in arrays, and whatever is asked is looked for
 * from the beginning. It follows an execution: it is told what the scheduler handed out, and says whether that was right.
 */
import type { Requirement } from '../../../src/scheduling/acceptance.js';
import { type Band, DO_LAST, DO_NEXT, NORMAL } from '../../../src/scheduling/lane.js';
import type { LimitRule } from '../../../src/scheduling/limiter.js';

export interface ModelJob {
  readonly name: string;
  readonly series: ModelSeries;
  readonly band: Band;
  readonly requirement: Requirement;
  readonly weight: number;
  readonly holdable: boolean;
  niceness: number;
  place: number;
  isAgain: boolean;
  state: 'waiting' | 'taken' | 'gone';
  seat: ModelSeat | null;
  crew: ModelCrew | null;
}

export interface ModelSeat {
  readonly kind: string;
  readonly concurrency: number;
  readonly ahead: number;
  readonly crew: ModelCrew;
  isOpen: boolean;
  load: number;
}

interface Start {
  job: ModelJob;
  at: number;
}

interface Limit {
  rule: LimitRule;
  /** Starts since the rule was made, and those that it knows of from the one before. */
  starts: Start[];
  /** Those it knows from the one before. */
  inherited: ReadonlySet<Start>;
}

export interface ModelSeries {
  readonly key: string;
  readonly levels: Map<number, number>;
  levelClock: number;
  limit: Limit | null;
}

export interface ModelCrew {
  readonly qualification: readonly string[] | null;
  readonly number: number;
  /** The virtual time of each series, and the place of the job with which it became servable. */
  readonly times: Map<ModelSeries, { time: number; order: number }>;
  readonly clocks: Map<string, number>;
  servable: ModelSeries[];
}

const cost = (job: ModelJob) => job.weight * 2 ** (job.niceness / 10);
const least = <T>(items: readonly T[], key: (item: T) => readonly number[]): T | undefined => {
  let best: T | undefined;
  for (const item of items) if (best === undefined || isLess(key(item), key(best))) best = item;
  return best;
};

function isLess(a: readonly number[], b: readonly number[]): boolean {
  for (const [i, value] of a.entries()) {
    const other = b[i] as number;
    if (value !== other) return value < other;
  }
  return false;
}

export class Model {
  readonly jobs: ModelJob[] = [];
  readonly series: ModelSeries[] = [];
  readonly crews: ModelCrew[] = [];
  readonly seats: ModelSeat[] = [];
  now = Number.NEGATIVE_INFINITY;
  isPaused = false;
  limit: Limit | null = null;
  #places = 0;
  #crewNumbers = 0;

  seriesOf(key: string): ModelSeries {
    let series = this.series.find((series) => series.key === key);
    if (series === undefined) {
      series = { key, levels: new Map(), levelClock: 0, limit: null };
      this.series.push(series);
    }
    return series;
  }

  // --- what happens -----------------------------------------------------------------------------------------------

  submit(
    job: Pick<ModelJob, 'name' | 'band' | 'requirement' | 'weight' | 'holdable' | 'niceness'>,
    key: string,
  ): ModelJob {
    const added: ModelJob = {
      ...job,
      series: this.seriesOf(key),
      place: ++this.#places,
      isAgain: false,
      state: 'gone',
      seat: null,
      crew: null,
    };
    this.jobs.push(added);
    this.#wait(added);
    this.settle();
    return added;
  }

  cancel(job: ModelJob): void {
    job.state = 'gone';
    this.settle();
  }

  renice(job: ModelJob, niceness: number): void {
    this.#places++;
    if (job.niceness === niceness) return;
    job.niceness = niceness;
    if (job.band !== NORMAL || job.isAgain) return;
    job.place = this.#places;
    job.state = 'gone';
    // The series has not been without jobs meanwhile: nothing else is settled in between.
    this.#wait(job);
    this.settle();
  }

  finish(job: ModelJob): void {
    this.#vacate(job);
    job.state = 'gone';
    this.settle();
  }

  repeat(job: ModelJob): void {
    this.#vacate(job);
    this.addAgain(job);
  }

  addAgain(job: ModelJob): void {
    job.isAgain = true;
    job.state = 'waiting';
    this.settle();
  }

  giveBack(job: ModelJob): void {
    const { series, crew } = job;
    this.#vacate(job);
    for (const limit of [this.limit, series.limit]) {
      const index = limit?.starts.findLastIndex((start) => start.job === job) ?? -1;
      if (index !== -1) limit?.starts.splice(index, 1);
    }
    if (job.band === NORMAL) {
      const share = crew?.times.get(series);
      if (share !== undefined) share.time -= cost(job);
      series.levels.set(job.niceness, (series.levels.get(job.niceness) as number) - cost(job));
    }
    this.#wait(job);
    this.settle();
  }

  /** The scheduler gave `job` to `seat`. */
  assigned(job: ModelJob, seat: ModelSeat): void {
    const { series } = job;
    const { crew } = seat;
    if (job.band === NORMAL) {
      const share = crew.times.get(series) as { time: number };
      crew.clocks.set(seat.kind, Math.max(crew.clocks.get(seat.kind) as number, share.time));
      share.time += cost(job);
      const level = series.levels.get(job.niceness) ?? 0;
      if (!job.isAgain) series.levelClock = Math.max(series.levelClock, level);
      series.levels.set(job.niceness, level + cost(job));
    }
    job.state = 'taken';
    job.seat = seat;
    job.crew = crew;
    seat.load++;
    for (const limit of [this.limit, series.limit]) {
      if (limit?.rule.rate === undefined) continue;
      limit.starts.push({ job, at: this.now });
    }
    this.settle();
  }

  hire(kind: string, concurrency: number, ahead: number, qualification: readonly string[] | null): ModelSeat {
    const name = (keys: readonly string[] | null) => (keys === null ? '*' : [...keys].sort().join());
    let crew = this.crews.find((crew) => name(crew.qualification) === name(qualification));
    if (crew === undefined) {
      crew = { qualification, number: this.#crewNumbers++, times: new Map(), clocks: new Map(), servable: [] };
      this.crews.push(crew);
    }
    // A kind that was not there starts by the clock of the crew.
    if (!this.#kindsOf(crew).includes(kind)) crew.clocks.set(kind, this.#clockOf(crew));
    const seat = { kind, concurrency, ahead, crew, isOpen: false, load: 0 };
    this.#rehouseClosures(() => this.seats.push(seat));
    return seat;
  }

  fire(seat: ModelSeat): void {
    this.#rehouseClosures(() => this.seats.splice(this.seats.indexOf(seat), 1));
    if (this.#kindsOf(seat.crew).length === 0) this.crews.splice(this.crews.indexOf(seat.crew), 1);
  }

  /** Brings up to date what follows from the rest: which series became servable, and how far the clocks have come. */
  settle(): void {
    for (const crew of this.crews) {
      // A series that becomes servable starts no earlier than the clock of who may serve its oldest requirement.
      const servable = this.series.filter((series) => this.#servableOf(crew, series).length > 0);
      for (const series of servable) {
        if (crew.servable.includes(series)) continue;
        const share = crew.times.get(series) ?? { time: 0, order: 0 };
        crew.times.set(series, share);
        const first = this.#servableOf(crew, series)[0] as ModelJob;
        const clocks = this.#kindsOf(crew)
          .filter((kind) => this.accepts(first, kind))
          .map((kind) => crew.clocks.get(kind) as number);
        share.time = Math.max(share.time, ...clocks);
        const lane = this.#waiting().filter((job) => this.#isLike(job, first));
        share.order = (this.#firstOf(lane) as ModelJob).place;
      }
      crew.servable = servable;
      // The clock of a kind for which nothing waits keeps up with the others.
      const clock = this.#clockOf(crew);
      for (const kind of this.#kindsOf(crew)) {
        if (!servable.some((series) => this.#servableOf(crew, series).some((job) => this.accepts(job, kind)))) {
          crew.clocks.set(kind, clock);
        }
      }
    }
  }

  // --- what is so -------------------------------------------------------------------------------------------------

  get size(): number {
    return this.#waiting().length;
  }

  sizeOf(key: string): number {
    return this.#waiting().filter((job) => job.series.key === key).length;
  }

  get servable(): number {
    return this.#waiting().filter((job) => this.isServed(job)).length;
  }

  demandAt(seat: ModelSeat): number {
    return this.#waiting().filter((job) => this.mayServe(seat, job)).length;
  }

  get unserved(): string[] {
    const jobs = this.#waiting().filter((job) => !this.isServed(job));
    return [...new Set(jobs.map((job) => job.series.key))];
  }

  isServed(job: ModelJob): boolean {
    return this.seats.some((seat) => this.mayServe(seat, job));
  }

  /** The limit that replaces `former`. */
  limitOf(rule: LimitRule | null, former: Limit | null): Limit | null {
    if (rule === null) return null;
    const remembered = former?.rule.rate?.count ?? 0;
    const starts = rule.rate === undefined || remembered === 0 ? [] : (former?.starts.slice(-remembered) ?? []);
    return { rule, starts, inherited: new Set(starts) };
  }

  isBlocked(limit: Limit | null, running: number): boolean {
    if (limit === null) return false;
    const { concurrency = Infinity, rate } = limit.rule;
    if (running >= concurrency) return true;
    return rate !== undefined && limit.starts.filter(({ at }) => at > this.now - rate.interval).length >= rate.count;
  }

  get isHeldUp(): boolean {
    return this.isPaused || this.isBlocked(this.limit, this.#taken().length);
  }

  mayServe(seat: ModelSeat, job: ModelJob): boolean {
    return this.#isQualified(seat.crew, job.series) && this.accepts(job, seat.kind);
  }

  accepts({ requirement, series }: ModelJob, kind: string): boolean {
    if (requirement !== 'closure') return requirement.accepts(kind);
    return this.#isServedByMain(series) ? kind === 'async' : kind !== 'remote';
  }

  /** What a worker would be given if it is free; undefined if there is nothing for it. */
  choiceFor(seat: ModelSeat): ModelJob | undefined {
    const { crew, kind } = seat;
    const jobs = this.#waiting().filter((job) => this.mayServe(seat, job) && !this.#isSeriesBlocked(job.series));
    const inBand = (band: Band) => jobs.filter((job) => job.band === band);
    const next = least(inBand(DO_NEXT), (job) => [job.place]);
    if (next !== undefined) return next;
    const servable = this.series.filter((series) =>
      this.#servableOf(crew, series).some((job) => this.accepts(job, kind)),
    );
    const turn = least(servable, (series) => {
      const share = crew.times.get(series) as { time: number; order: number };
      return [share.time, share.order];
    });
    if (turn !== undefined) return this.#firstOf(inBand(NORMAL).filter((job) => job.series === turn));
    return least(inBand(DO_LAST), (job) => [job.place]);
  }

  /**
   * The workers of whom one is to be given a job now: of those that are free the least loaded of the narrowest crew.
   * When none is free, those that may hold one: which of them does is left open.
   */
  get candidates(): ModelSeat[] {
    if (this.isHeldUp) return [];
    const open = this.seats.filter((seat) => seat.isOpen && this.choiceFor(seat) !== undefined);
    const free = open.filter((seat) => seat.load < seat.concurrency);
    const key = ({ crew, load, concurrency }: ModelSeat) => {
      return [crew.qualification?.length ?? Infinity, crew.number, load / concurrency];
    };
    const best = least(free, key);
    if (best !== undefined) return free.filter((seat) => !isLess(key(best), key(seat)));
    return open.filter((seat) => {
      return seat.load < seat.concurrency + seat.ahead && (this.choiceFor(seat) as ModelJob).holdable;
    });
  }

  /** Whether a start is counted, for the whole queue or its series, beyond what the rule allows. */
  get exceeded(): boolean {
    const isExceeded = (limit: Limit | null) => {
      const rate = limit?.rule.rate;
      if (limit === null || rate === undefined) return false;
      return limit.starts.some((start) => {
        // By the rule before there may have been more.
        if (limit.inherited.has(start)) return false;
        const { at } = start;
        return limit.starts.filter((other) => other.at <= at && other.at > at - rate.interval).length > rate.count;
      });
    };
    return isExceeded(this.limit) || this.series.some((series) => isExceeded(series.limit));
  }

  // --- within -----------------------------------------------------------------------------------------------------

  #wait(job: ModelJob): void {
    if (job.band === NORMAL && !job.isAgain) {
      const { levels, levelClock } = job.series;
      const isEmpty = !this.#waiting().some((other) => {
        return (
          other.series === job.series && other.band === NORMAL && !other.isAgain && other.niceness === job.niceness
        );
      });
      if (isEmpty) levels.set(job.niceness, Math.max(levels.get(job.niceness) ?? 0, levelClock));
    }
    job.state = 'waiting';
  }

  /** Closures for which the main thread becomes the place, or is it no more, are servable anew. */
  #rehouseClosures(change: () => void): void {
    const before = this.series.map((series) => ({
      series,
      isMain: this.#isServedByMain(series),
      crews: this.crews.filter((crew) => this.#servableOf(crew, series).every((job) => job.requirement === 'closure')),
    }));
    change();
    for (const { series, isMain, crews } of before) {
      if (isMain === this.#isServedByMain(series)) continue;
      for (const crew of crews) crew.servable = crew.servable.filter((other) => other !== series);
    }
    this.settle();
  }

  #vacate(job: ModelJob): void {
    if (job.seat !== null) job.seat.load--;
    job.seat = null;
  }

  #waiting(): ModelJob[] {
    return this.jobs.filter((job) => job.state === 'waiting');
  }

  #taken(): ModelJob[] {
    return this.jobs.filter((job) => job.state === 'taken');
  }

  /** Of jobs of one series in the normal band: first what is run again, then the least advanced level; first come. */
  #firstOf(jobs: readonly ModelJob[]): ModelJob | undefined {
    return least(jobs, (job) => [job.isAgain ? -Infinity : (job.series.levels.get(job.niceness) as number), job.place]);
  }

  #isLike(a: ModelJob, b: ModelJob): boolean {
    return a.series === b.series && a.band === b.band && a.requirement === b.requirement;
  }

  #isSeriesBlocked(series: ModelSeries): boolean {
    return this.isBlocked(series.limit, this.#taken().filter((job) => job.series === series).length);
  }

  #isServedByMain(series: ModelSeries): boolean {
    return this.seats.some((seat) => seat.kind === 'async' && this.#isQualified(seat.crew, series));
  }

  #isQualified(crew: ModelCrew, series: ModelSeries): boolean {
    return crew.qualification === null || crew.qualification.includes(series.key);
  }

  #kindsOf(crew: ModelCrew): string[] {
    return [...new Set(this.seats.filter((seat) => seat.crew === crew).map((seat) => seat.kind))];
  }

  #clockOf(crew: ModelCrew): number {
    return Math.max(0, ...crew.clocks.values());
  }

  /** What waits in the normal band that a worker of the crew may start, in the order the series used requirements. */
  #servableOf(crew: ModelCrew, series: ModelSeries): ModelJob[] {
    if (!this.#isQualified(crew, series) || this.#isSeriesBlocked(series)) return [];
    const kinds = this.#kindsOf(crew);
    const jobs = this.jobs.filter((job) => job.series === series && job.band === NORMAL);
    const requirements = [...new Set(jobs.map((job) => job.requirement))];
    return jobs
      .filter((job) => job.state === 'waiting' && kinds.some((kind) => this.accepts(job, kind)))
      .sort((a, b) => requirements.indexOf(a.requirement) - requirements.indexOf(b.requirement));
  }
}
