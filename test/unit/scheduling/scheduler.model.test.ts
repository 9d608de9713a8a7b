import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ANY, LOCAL, only, type Requirement } from '../../../src/scheduling/acceptance.js';
import type { Crew } from '../../../src/scheduling/crew.js';
import { type Band, DO_LAST, DO_NEXT, NORMAL } from '../../../src/scheduling/lane.js';
import { Places } from '../../../src/scheduling/places.js';
import { Scheduler } from '../../../src/scheduling/scheduler.js';
import { Model, type ModelJob, type ModelSeat } from './model.js';
import { StubJob, StubSeat } from './stubs.js';

const SERIES = ['a', 'b', 'c', 'd'];

const series = fc.constantFrom(...SERIES);
const niceness = fc.oneof(fc.constant(0), fc.constantFrom(-20, -10, 10, 20), fc.integer({ min: -20, max: 20 }));
const requirement = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Requirement>(ANY) },
  fc.constantFrom<Requirement>(LOCAL, only('async'), only('thread'), only('remote'), 'closure'),
);
const rule = fc.option(
  fc.record(
    {
      concurrency: fc.integer({ min: 1, max: 3 }),
      rate: fc.record({ count: fc.integer({ min: 1, max: 3 }), interval: fc.integer({ min: 1, max: 20 }) }),
    },
    { requiredKeys: [] },
  ),
);
const at = fc.nat(1000);

const command = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant('submit' as const),
      series,
      niceness,
      requirement,
      weight: fc.constantFrom(1, 1, 1, 0.001, 0.5, 3, 1000),
      band: fc.constantFrom<Band>(NORMAL, NORMAL, NORMAL, NORMAL, DO_NEXT, DO_LAST),
      holdable: fc.boolean(),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant('dispatch' as const), wait: fc.constantFrom(0, 0, 1, 5, 30) }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('finish' as const), at }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('repeat' as const), at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('finishAndAddAgain' as const), at }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('giveBack' as const), at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const), at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('renice' as const), at, niceness }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('hire' as const),
      kind: fc.constantFrom('async', 'thread', 'process', 'remote'),
      concurrency: fc.integer({ min: 1, max: 3 }),
      ahead: fc.constantFrom(0, 0, 2),
      qualification: fc.option(fc.subarray(SERIES)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('open', 'close', 'fire'), at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('pause', 'resume') }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('limit' as const), rule }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('limitSeries' as const), series, rule }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** A scheduler and the model of it, side by side. */
class Bench {
  readonly scheduler = new Scheduler();
  readonly model = new Model();
  readonly jobs = new Map<ModelJob, StubJob>();
  readonly seats = new Map<ModelSeat, { seat: StubSeat; crew: Crew }>();
  readonly taken = new Map<ModelJob, { seat: StubSeat; crew: Crew }>();
  /** Those that stalled at the last dispatch. */
  stalled = new Set<string>();
  now = 0;

  do(command: Command): void {
    const { scheduler, model } = this;
    switch (command.type) {
      case 'submit':
        for (let i = 0; i < command.count; i++) this.submit(command);
        break;
      case 'dispatch':
        this.now += command.wait;
        this.dispatch();
        break;
      case 'finish':
      case 'finishAndAddAgain':
      case 'repeat':
      case 'giveBack': {
        const job = pick([...this.taken.keys()], command.at);
        if (job === undefined) break;
        this.end(job, command.type === 'finishAndAddAgain' ? 'finish' : command.type);
        if (command.type === 'finishAndAddAgain') this.addAgain(job);
        break;
      }
      case 'cancel':
      case 'renice': {
        const job = pick(
          model.jobs.filter((job) => job.state === 'waiting'),
          command.at,
        );
        if (job === undefined) break;
        const stub = this.jobs.get(job) as StubJob;
        if (command.type === 'cancel') {
          scheduler.remove(stub);
          model.cancel(job);
        } else {
          scheduler.renice(stub, command.niceness);
          model.renice(job, command.niceness);
        }
        break;
      }
      case 'hire': {
        const { kind, concurrency, ahead, qualification } = command;
        const seat = new StubSeat(kind, concurrency, ahead);
        const crew = scheduler.crew(qualification === null ? null : new Set(qualification));
        scheduler.join(crew, kind);
        scheduler.open(seat, crew);
        const modelSeat = model.hire(kind, concurrency, ahead, qualification);
        modelSeat.isOpen = true;
        this.seats.set(modelSeat, { seat, crew });
        break;
      }
      case 'open':
      case 'close':
      case 'fire': {
        const modelSeat = pick([...this.seats.keys()], command.at);
        if (modelSeat === undefined) break;
        const { seat, crew } = this.seats.get(modelSeat) as { seat: StubSeat; crew: Crew };
        if (command.type === 'open') {
          if (modelSeat.isOpen) break;
          scheduler.open(seat, crew);
          modelSeat.isOpen = true;
          break;
        }
        scheduler.close(seat);
        modelSeat.isOpen = false;
        if (command.type === 'close') break;
        scheduler.leave(crew, seat.kind);
        model.fire(modelSeat);
        this.seats.delete(modelSeat);
        break;
      }
      case 'pause':
      case 'resume':
        scheduler.isPaused = model.isPaused = command.type === 'pause';
        break;
      case 'limit':
        // Starts are told apart by their times: none is to fall on the moment the rule changes.
        this.now++;
        scheduler.limit(command.rule);
        model.limit = model.limitOf(command.rule, model.limit);
        break;
      case 'limitSeries':
        this.now++;
        scheduler.limitSeries(command.series, command.rule);
        model.seriesOf(command.series).limit = model.limitOf(command.rule, model.seriesOf(command.series).limit);
        model.settle();
        break;
    }
    this.check();
  }

  submit(options: Extract<Command, { type: 'submit' }>): void {
    const { niceness, weight, band, requirement, holdable } = options;
    const name = `${options.series}${this.jobs.size}`;
    const stub = new StubJob(name, niceness, weight);
    stub.holdable = holdable;
    this.scheduler.add(stub, options.series, band, requirement);
    this.jobs.set(this.model.submit({ name, niceness, weight, band, requirement, holdable }, options.series), stub);
  }

  end(job: ModelJob, how: 'finish' | 'repeat' | 'giveBack'): void {
    const { scheduler, model } = this;
    const stub = this.jobs.get(job) as StubJob;
    const { seat, crew } = this.taken.get(job) as { seat: StubSeat; crew: Crew };
    this.taken.delete(job);
    if (how === 'repeat') stub.repeated = true;
    seat.load--;
    scheduler.touch(seat);
    if (how === 'giveBack') scheduler.giveBack(stub, crew);
    else scheduler[how](stub);
    model[how](job);
  }

  addAgain(job: ModelJob): void {
    const stub = this.jobs.get(job) as StubJob;
    stub.repeated = true;
    this.scheduler.addAgain(stub);
    this.model.addAgain(job);
  }

  dispatch(): void {
    const { scheduler, model } = this;
    model.now = this.now;
    model.settle();
    scheduler.dispatch(() => this.now, {
      assign: (job, seat) => {
        const modelJob = [...this.jobs].find(([, stub]) => stub === job)?.[0] as ModelJob;
        const [modelSeat, employment] = [...this.seats].find(([, other]) => other.seat === seat) as [
          ModelSeat,
          { seat: StubSeat; crew: Crew },
        ];
        expect(modelJob.state).toBe('waiting');
        expect(model.mayServe(modelSeat, modelJob)).toBe(true);
        expect(model.candidates).toContain(modelSeat);
        expect(modelJob.name).toBe(model.choiceFor(modelSeat)?.name);
        this.taken.set(modelJob, employment);
        model.assigned(modelJob, modelSeat);
        this.check();
      },
    });
    // So thinks who asks what could start.
    expect(scheduler.claim(this.places)).toBe(0);
    // Work conserving: nobody who is free is left without a job there is for him.
    const free = model.candidates.filter((seat) => seat.load < seat.concurrency);
    expect(free).toEqual([]);
    const unserved = new Set(model.unserved);
    expect(new Set(scheduler.newStalls())).toEqual(new Set([...unserved].filter((key) => !this.stalled.has(key))));
    this.stalled = unserved;
    expect(scheduler.dueAt).toBeGreaterThan(this.now);
    if (scheduler.dueAt < Infinity) expect(model.size).toBeGreaterThan(0);
  }

  /** Those that nothing is in. */
  get places(): Places {
    const places = new Places(this.now);
    for (const [{ isOpen }, { seat, crew }] of this.seats) {
      if (isOpen) places.add(crew.desk(seat.kind), Math.max(0, seat.concurrency - seat.load));
    }
    return places;
  }

  check(): void {
    const { scheduler, model } = this;
    const waiting = new Set(scheduler.jobs());
    const actual: unknown[] = [scheduler.size, waiting.size, scheduler.servable, false];
    const wanted: unknown[] = [model.size, model.size, model.servable, model.exceeded];
    for (const key of SERIES) {
      actual.push(scheduler.sizeOf(key), [...waiting].filter(({ row }) => row?.lane.series.key === key).length);
      wanted.push(model.sizeOf(key), model.sizeOf(key));
    }
    for (const [job, stub] of this.jobs) {
      const isWaiting = job.state === 'waiting';
      actual.push(waiting.has(stub), isWaiting && scheduler.isServed(stub));
      wanted.push(isWaiting, isWaiting && model.isServed(job));
    }
    for (const [modelSeat, { seat, crew }] of this.seats) {
      actual.push(seat.load, scheduler.demandAt(crew.desk(seat.kind)));
      wanted.push(modelSeat.load, model.demandAt(modelSeat));
    }
    expect(actual).toEqual(wanted);
  }

  /** Lets everything run that can, with all limits lifted and a worker of each kind for every series. */
  drain(): void {
    for (const key of SERIES) this.do({ type: 'limitSeries', series: key, rule: null });
    this.do({ type: 'limit', rule: null });
    this.do({ type: 'resume' });
    for (const kind of ['async', 'thread', 'remote']) {
      this.do({ type: 'hire', kind, concurrency: 2, ahead: 0, qualification: null } as Command);
    }
    for (let left = this.model.size + this.taken.size; left > 0; left--) {
      this.do({ type: 'dispatch', wait: 0 });
      this.do({ type: 'finish', at: 0 });
    }
    expect(this.scheduler.size).toBe(0);
    expect(this.model.jobs.every((job) => job.state === 'gone')).toBe(true);
  }
}

function pick<T>(items: readonly T[], at: number): T | undefined {
  return items[at % items.length];
}

test('whatever happens, every assignment is the one the model would make, and nothing is lost', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (commands) => {
      const bench = new Bench();
      for (const command of commands) bench.do(command);
      bench.drain();
    }),
    { numRuns: 300 },
  );
}, 60_000);
