import type { Claims } from '../../../src/protocol/claims.js';
import { type Message, type Reports, ReportWriter } from '../../../src/protocol/messages.js';
import type { ChannelListener, OpenChannel } from '../../../src/workers/channel.js';
import type { Assignment } from '../../../src/workers/worker.js';

/** The other side of a link, in the hands of a test. */
export class FakeChannel {
  /** What was sent to it. */
  readonly received: Message[] = [];
  kills = 0;
  readonly #listener: ChannelListener;

  constructor(listener: ChannelListener) {
    this.#listener = listener;
  }

  get isKilled(): boolean {
    return this.kills > 0;
  }

  /** Says what `write` writes. */
  say(write: (to: Reports) => void): void {
    const writer = new ReportWriter();
    write(writer);
    this.#listener.message(writer.take());
  }

  /** Says anything at all. */
  sayRaw(message: unknown): void {
    this.#listener.message(message);
  }

  exit(exitCode = 1): void {
    this.#listener.exited({ exitCode });
  }
}

/** Opens fake channels and keeps them. Killed ones exit as soon as the test lets them. */
export function fakeChannels(claims: Claims | null = null): { open: OpenChannel; channels: FakeChannel[] } {
  const channels: FakeChannel[] = [];
  const open: OpenChannel = (listener) => {
    const channel = new FakeChannel(listener);
    channels.push(channel);
    return {
      claims,
      probe: structuredClone,
      post: (message) => {
        channel.received.push(structuredClone(message));
      },
      kill: () => {
        channel.kills++;
      },
    };
  };
  return { open, channels };
}

/** An assignment that writes down what becomes of it. */
export class FakeAssignment implements Assignment {
  readonly id = 'fake';
  readonly key = 'fake';
  readonly fn = (n: number) => n;
  readonly args: unknown[] = [1];
  readonly attempt: number;
  readonly isUpdate: boolean;
  readonly keepAs: string | null = null;
  readonly niceness = 0;
  readonly doNext = false;
  readonly doLast = false;
  readonly series = undefined;
  readonly transfer = [];
  readonly signal = new AbortController().signal;
  token: unknown = null;
  readonly log: string[] = [];

  constructor(attempt = 1, isUpdate = false) {
    this.attempt = attempt;
    this.isUpdate = isUpdate;
  }

  started(): void {
    if (!this.log.includes('started')) this.log.push('started');
  }
  progress(progress: unknown): void {
    this.log.push(`progress ${progress}`);
  }
  done(value: unknown): void {
    this.log.push(`done ${value}`);
  }
  iterate(): void {
    this.log.push('iterates');
  }
  fail(error: unknown): void {
    this.log.push(`failed: ${(error as Error).message}`);
  }
  lost(error: Error): void {
    this.log.push(`lost: ${error.message}`);
  }
  invoke(): unknown {
    throw new Error('it runs elsewhere');
  }
}
