/** Keeps the end of what was written, for a message that says why something died. */
export class Tail {
  readonly #limit: number;
  #text = '';

  constructor(limit = 4096) {
    this.#limit = limit;
  }

  write(chunk: string | Uint8Array): void {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    this.#text = (this.#text + text).slice(-this.#limit);
  }

  toString(): string {
    return this.#text;
  }
}
