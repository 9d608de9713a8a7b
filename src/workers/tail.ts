/** Keeps the end of what was written, for a message that says why something died. */
export class Tail {
  readonly #limit: number;
  #text = '';

  constructor(limit = 4096) {
    this.#limit = limit;
  }

  write(chunk: Uint8Array): void {
    this.#text = (this.#text + Buffer.from(chunk).toString()).slice(-this.#limit);
  }

  toString(): string {
    return this.#text;
  }
}
