import { deserialize, serialize } from 'node:v8';
import { defaultStringifyOperations, parse, stringify } from 'devalue';
import { decodeError, type ErrorRecord, encodeError, outlineError } from '../protocol/error-record.js';
import { fromText, isPlainMessage, toText } from '../protocol/plain-text.js';

/**
 * Values on their way between machines, as text: whatever structured clone keeps, and nothing that runs code where it
 * is read.
 *
 * Each error among them is followed once, to what it is made of. Of errors somewhere in its properties only an outline
 * is sent, as structured clone does it: they may lead back to the error that has the property.
 *
 * Most of what is said is short and plain. That is written as plain text, in a fifth of the time.
 */

/** How plain text begins, and nothing else that is written here. */
const PLAIN = '=';

/** What an error has for a property, as text already. */
class Packed {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const reducers = {
  Error: (value: unknown) => value instanceof Error && encodeError(value, probe),
  Packed: (value: unknown) => value instanceof Packed && value.text,
};

const outliners = {
  Error: (value: unknown) => value instanceof Error && outlineError(value),
};

const revivers = {
  Error: (record: unknown) => decodeError(record as ErrorRecord),
  Packed: (text: unknown) => decode(text as string),
};

/** A buffer is sent whole, unless it is so many times as long as the view of it that is sent. */
const WASTE = 2;

const options = {
  operations: {
    viewInfo(view: ArrayBufferView) {
      const info = defaultStringifyOperations.viewInfo(view);
      const { byteOffset, byteLength, bufferByteLength } = info;
      if (bufferByteLength <= WASTE * byteLength) return info;
      const buffer = view.buffer.slice(byteOffset, byteOffset + byteLength);
      return { ...info, buffer, byteOffset: 0, bufferByteLength: byteLength };
    },
  },
};

/** The text of a value. Throws for what can't be sent. */
export function encode(value: unknown): string {
  return write(value, reducers);
}

/** The text of a list that was made to be sent, with no array in it twice. Throws for what can't be sent. */
export function encodeList(list: readonly unknown[]): string {
  const text = toText(list);
  return text === null ? encode(list) : PLAIN + text;
}

/** The value of a text. Throws for a text that was not made here: whoever reaches Redis can write anything. */
export function decode(text: string): unknown {
  if (!text.startsWith(PLAIN)) return parse(text, revivers);
  const list = fromText(text.slice(PLAIN.length));
  if (!isPlainMessage(list)) throw new TypeError('expected plain values only');
  return list;
}

/** The value as part of an error's record. Throws for what can't be sent. */
export function probe(value: unknown): unknown {
  return new Packed(write(value, outliners));
}

function write(value: unknown, reducers: Record<string, (value: unknown) => unknown>): string {
  try {
    return stringify(value, reducers, options);
  } catch (error) {
    // Too deep for the stack it would be in any form.
    if (error instanceof RangeError) throw error;
    // What devalue doesn't know may still be clonable: instances of classes, which arrive as plain objects. Reading
    // with V8 is safe here, as it is our own writing.
    return stringify(deserialize(serialize(value)), reducers, options);
  }
}
