import { type ChildPort, Runner } from '../../../src/child/runner.js';
import type { BusyPoll } from '../../../src/protocol/busy-poll.js';
import type { Claims } from '../../../src/protocol/claims.js';
import {
  type Commands,
  CommandWriter,
  type Message,
  type Reports,
  readReports,
} from '../../../src/protocol/messages.js';
import { type Said, scribe } from '../protocol/scribe.js';

/** What a task of source text with this number is run as. */
export const CODE = 1;

/** The parent's end of a channel to a runner, in the hands of a test. Everything on it is copied, as on a real one. */
export class FakeParent implements ChildPort {
  /** What it was told, message by message. */
  readonly messages: Said[][] = [];
  hasExited = false;
  readonly runner: Runner;
  #tickets = 0;

  constructor(concurrency = 1, claims: Claims | null = null, poll?: BusyPoll) {
    this.runner = new Runner(this, { concurrency, workerId: 7, claims }, poll);
  }

  /** All that it was told. */
  get heard(): Said[] {
    return this.messages.flat();
  }

  /** What it was told of this sort, without its name. */
  fieldsOf(name: keyof Reports): unknown[][] {
    return this.heard.filter(([said]) => said === name).map(([, ...fields]) => fields);
  }

  /** Waits until it was told this so many times. */
  async hears(name: keyof Reports, times = 1): Promise<unknown[][]> {
    while (this.fieldsOf(name).length < times) await new Promise((resolve) => setImmediate(resolve));
    return this.fieldsOf(name);
  }

  /** Says what `write` writes, in one message. */
  say(write: (to: Commands) => void): void {
    const writer = new CommandWriter();
    write(writer);
    this.runner.receive(structuredClone(writer.take()));
  }

  /**
   * Has the function run, in slots 0, 1... with tickets that follow each other. Resolves when it was loaded and what
   * may begin has begun.
   */
  async run(source: string | ((...args: never[]) => unknown), ...argsOfEach: unknown[][]): Promise<void> {
    this.say((to) => {
      to.source(CODE, String(source));
      for (const [slot, args] of argsOfEach.entries()) {
        to.run(slot, ++this.#tickets, CODE, `task ${slot}`, 1, undefined, args);
      }
    });
    // After all microtasks, before anything else.
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }

  // --- what the runner finds at its end -----------------------------------------------------------------------------

  post(message: Message, transfer: readonly ArrayBuffer[] = []): void {
    const said: Said[] = [];
    readReports(structuredClone(message, { transfer: [...transfer] }), scribe<Reports>(said).to);
    this.messages.push(said);
  }

  readonly probe = structuredClone;

  memory(): number {
    return 12345;
  }

  exit(): void {
    this.hasExited = true;
  }
}
