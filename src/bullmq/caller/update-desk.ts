import { decodeError, type ErrorRecord } from '../../protocol/error-record.js';
import type { TaskRef } from '../../tasks/task-module.js';
import type { Assignment } from '../../workers/worker.js';
import { dropUpdate, type KeptUpdate, keepUpdate } from '../kept-updates.js';
import type { Member } from '../member.js';
import { type Message, type Orders, write } from '../protocol.js';
import { pack } from './pack.js';

/** An update that some servers have not answered yet. */
interface Round {
  readonly assignment: Assignment;
  /** Where it is kept; '' if it is not. */
  readonly entry: string;
  readonly order: Message<Orders>;
  /** Those that have not answered, and how to stop watching them. */
  readonly servers: Map<string, () => void>;
  /** Whether all that were there have been asked. */
  isOut: boolean;
  hasAnswer: boolean;
  value: unknown;
  error: { readonly reason: unknown } | null;
}

/** Has updates run on every server there is, and kept for those to come. */
export class UpdateDesk {
  readonly #member: Member;
  readonly #rounds = new Map<number, Round>();
  /** The last kept update of this caller, once it is known. */
  #latest: Promise<string> = Promise.resolve('');
  /** Resolves when the next server comes. */
  #arrival!: Promise<void>;
  #onArrival = () => {};

  constructor(member: Member) {
    this.#member = member;
    this.#expect();
  }

  /** The last update that a task called now must find done. */
  latest(): Promise<string> {
    return this.#latest;
  }

  async run(assignment: Assignment, ref: TaskRef, number: number): Promise<void> {
    const { args, keepAs } = assignment;
    const packed = pack(assignment, ref, args);
    if (packed === null) return;
    assignment.started();
    try {
      const { id: caller } = this.#member;
      let entry = '';
      let order: Message<Orders> = ['update', caller, number, packed.module, packed.name, args];
      if (keepAs !== null) {
        entry = await this.#keep({ key: keepAs, ...packed });
        order = ['keep', caller, number, entry];
      }
      const round: Round = {
        assignment,
        entry,
        order,
        servers: new Map(),
        isOut: false,
        hasAnswer: false,
        value: undefined,
        error: null,
      };
      this.#rounds.set(number, round);
      await this.#askAll(number, round);
    } catch (error) {
      this.#rounds.delete(number);
      assignment.fail(error);
    }
  }

  /** A server has come, or come back: what waits for the first need wait no more, and what it was asked may be lost. */
  arrived(server: string): void {
    this.#onArrival();
    this.#expect();
    for (const [number, round] of this.#rounds) {
      if (round.servers.size === 0 || round.servers.has(server)) this.#ask(number, round, server);
    }
  }

  updated(number: number, server: string, value: unknown, error: ErrorRecord | null): void {
    const round = this.#rounds.get(number);
    if (round === undefined || !round.servers.has(server)) return;
    if (error !== null) round.error ??= { reason: decodeError(error) };
    else if (!round.hasAnswer) round.value = value;
    round.hasAnswer = true;
    this.#answered(number, round, server);
  }

  /** Nobody knows what has become of an update. */
  fail(number: number, error: Error): void {
    const round = this.#rounds.get(number);
    if (round === undefined) return;
    round.error ??= { reason: error };
    round.hasAnswer = true;
    for (const unwatch of round.servers.values()) unwatch();
    round.servers.clear();
    this.#settle(number, round);
  }

  close(): void {
    this.#rounds.clear();
  }

  #expect(): void {
    this.#arrival = new Promise((resolve) => {
      this.#onArrival = resolve;
    });
  }

  /** Keeps an update after those before it, once a server is there to say whether it can be run. */
  #keep(update: KeptUpdate): Promise<string> {
    const { client, keys } = this.#member;
    const before = this.#latest;
    const kept = before.then(() => this.#someServer()).then(() => keepUpdate(client, keys, update));
    this.#latest = kept.catch(() => before);
    return kept;
  }

  async #someServer(): Promise<void> {
    // One may come while Redis is asked.
    const arrival = this.#arrival;
    if ((await this.#member.present('server')).length === 0) await arrival;
  }

  async #askAll(number: number, round: Round): Promise<void> {
    round.isOut = false;
    for (const server of await this.#member.present('server')) this.#ask(number, round, server);
    round.isOut = true;
    // One that came meanwhile may have answered already.
    this.#settle(number, round);
  }

  /** Asks a server, or asks it again: it runs what it is asked once, and answers each time. */
  #ask(number: number, round: Round, server: string): void {
    if (!round.servers.has(server)) {
      const unwatch = this.#member.watch.watch(server, () => this.#gone(number, round, server));
      round.servers.set(server, unwatch);
    }
    this.#member.send(server, number, write<Orders>(round.order));
  }

  /** One that is gone need not have had it. */
  #gone(number: number, round: Round, server: string): void {
    this.#answered(number, round, server);
    // Others may have come while it was expected to answer, and were not asked.
    if (round.servers.size === 0 && round.isOut && this.#rounds.has(number)) void this.#askAll(number, round);
  }

  #answered(number: number, round: Round, server: string): void {
    round.servers.get(server)?.();
    round.servers.delete(server);
    this.#settle(number, round);
  }

  #settle(number: number, round: Round): void {
    // With none left that could answer, it waits for the next that comes.
    if (!round.isOut || round.servers.size > 0 || !round.hasAnswer || !this.#rounds.delete(number)) return;
    const { assignment, entry, value, error } = round;
    if (error === null) {
      assignment.done(value);
      return;
    }
    void this.#drop(entry).then(() => assignment.fail(error.reason));
  }

  /**
   * Kept, one that has failed would keep servers from starting. Its caller hears of it when it is kept no longer, but does
   * not wait for a Redis that refuses.
   */
  async #drop(entry: string): Promise<void> {
    if (entry === '') return;
    const { client, keys } = this.#member;
    const drop = () => dropUpdate(client, keys, entry);
    await drop().catch(() => void this.#member.insist(drop));
  }
}
