import type { Redis as Client } from 'ioredis';

/** Notices that Redis has been away for too long. */
export class Patience {
  readonly #limit: number;
  readonly #ranOut: () => void;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  /** `limit`: how long it may be away, in milliseconds, or Infinity. */
  constructor(client: Client, limit: number, ranOut: () => void) {
    this.#limit = limit;
    this.#ranOut = ranOut;
    if (limit === Number.POSITIVE_INFINITY) return;
    client.on('close', () => this.#disconnected());
    client.on('ready', () => this.#connected());
  }

  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
  }

  #disconnected(): void {
    // While it is away each try to connect is closed again.
    if (this.#hasEnded || this.#timer !== undefined) return;
    this.#timer = setTimeout(this.#ranOut, this.#limit);
    this.#timer.unref();
  }

  #connected(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
