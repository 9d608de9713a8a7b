/**
 * The lines of a text that comes in chunks, an array of them per chunk, without their ends. Of a line longer than
 * `maxLength` only the beginning comes, so that a text without line ends takes no more memory than any other.
 */
export function splitLines(chunks: AsyncIterable<Uint8Array>, maxLength?: number): AsyncGenerator<string[]>;
