import { soon } from '../soon.js';
import type { Transferable } from '../tasks/transferable.js';
import { type Message, split, type Writer } from './messages.js';
import { AT_ONCE, isPrimitive, snapshot } from './snapshot.js';

/** What an outbox needs of its side of the channel. */
export interface OutboxSetup {
  /** Sends a message, or throws what structured clone throws. */
  post(message: Message, transfer?: readonly Transferable[]): void;
  /** Where the operation at `start` ends, to split a message of which one part is refused. */
  endOf(message: Message, start: number): number;
  /** A part that can't be sent, and why. */
  refused(part: Message, cause: unknown): void;
}

/** Collects what one side has to say in a tick and sends it as one message. */
export class Outbox<W extends Writer> {
  readonly writer: W;
  readonly #setup: OutboxSetup;
  #isPlanned = false;
  /** Whether something was written that may change before the end of the tick. */
  #isUrgent = false;

  constructor(writer: W, setup: OutboxSetup) {
    this.writer = writer;
    this.#setup = setup;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Of the message there is so far, in fields. */
  get length(): number {
    return this.writer.message.length;
  }

  /** What to write of a value that is not this side's own. Then `plan` or `sendUrgent` must follow. */
  keep(value: unknown): unknown {
    const kept = snapshot(value);
    if (kept !== AT_ONCE) return kept;
    this.#isUrgent = true;
    return value;
  }

  /** What to write of several; they must be written before anybody may change the array. */
  keepAll(values: readonly unknown[]): readonly unknown[] {
    return values.every(isPrimitive) ? values : values.map((value) => this.keep(value));
  }

  /** Sends what must not wait. */
  sendUrgent(): void {
    if (this.#isUrgent) this.flush();
  }

  /** Sends at the end of the tick, or at once what must not wait. */
  plan(): void {
    this.sendUrgent();
    if (this.#isPlanned || this.isEmpty) return;
    this.#isPlanned = true;
    soon(this.#flushAsPlanned);
  }

  readonly #flushAsPlanned = () => {
    this.#isPlanned = false;
    this.flush();
  };

  /** Sends now. `transfer` is for the only operation there is. */
  flush(transfer?: readonly Transferable[]): void {
    this.#isUrgent = false;
    if (this.isEmpty) return;
    const message = this.writer.take();
    try {
      this.#setup.post(message, transfer);
    } catch (cause) {
      const parts = split(message, this.#setup.endOf);
      if (parts.length === 1) this.#setup.refused(message, cause);
      else for (const part of parts) this.#postAlone(part);
    }
  }

  /** A part of a message that was refused as a whole: it is the reason, or another part is. */
  #postAlone(part: Message): void {
    try {
      this.#setup.post(part);
    } catch (cause) {
      this.#setup.refused(part, cause);
    }
  }
}
