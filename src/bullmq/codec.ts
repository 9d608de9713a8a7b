import { deserialize, serialize } from 'node:v8';
import { parse, stringify } from 'devalue';
import { decodeError, type ErrorRecord, encodeError } from '../protocol/error-record.js';

/**
 * Values on their way between machines, as text: whatever structured clone keeps, and nothing that runs code where it
 * is read.
 */

const reducers = {
  Error: (value: unknown) => value instanceof Error && encodeError(value, probe),
};

const revivers = {
  Error: (record: unknown) => decodeError(record as ErrorRecord),
};

/** The text of a value. Throws for what can't be sent. */
export function encode(value: unknown): string {
  try {
    return stringify(value, reducers);
  } catch {
    // What devalue doesn't know may still be clonable: instances of classes, which arrive as plain objects. Reading
    // with V8 is safe here, as it is our own writing.
    return stringify(deserialize(serialize(value)), reducers);
  }
}

/** The value of a text. Throws for a text that `encode` did not make. */
export function decode(text: string): unknown {
  return parse(text, revivers);
}

/** Throws if the value can't be sent. */
export function probe(value: unknown): void {
  encode(value);
}
