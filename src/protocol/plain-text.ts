import { isDense } from './snapshot.js';

/**
 * A second way to write messages, as JSON. It does without the start-up costs of a structured clone, so it is cheaper
 * for short messages, which are those whose sender waits for the answer. Only for those that come back exactly as they
 * were: what is in them are primitive values and arrays of such.
 */

/** Stands for undefined, of which JSON knows nothing; a message with such a string in it is not written this way. */
const UNDEFINED = '\0';

/** Longer messages and arrays are not looked through: a structured clone makes little of them. */
const MAX_LENGTH = 30;

/** The message as text, or null if it can't be written this way. */
export function toText(message: unknown): string | null {
  if (!isPlainMessage(message)) return null;
  const parts = message.includes(undefined) ? message.map((part) => (part === undefined ? UNDEFINED : part)) : message;
  return JSON.stringify(parts);
}

/** The message that a text was made of. */
export function fromText(text: string): unknown {
  const message: unknown = JSON.parse(text);
  if (Array.isArray(message)) {
    for (let i = 0; i < message.length; i++) if (message[i] === UNDEFINED) message[i] = undefined;
  }
  return message;
}

/** Whether it is one of those that are written this way. */
export function isPlainMessage(message: unknown): message is readonly unknown[] {
  if (!Array.isArray(message) || message.length > MAX_LENGTH) return false;
  for (const part of message) if (part !== undefined && !isPlain(part) && !isPlainArray(part)) return false;
  return true;
}

function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value !== UNDEFINED;
    case 'number':
      // JSON has neither NaN nor infinities, and makes 0 of -0.
      return Number.isFinite(value) && (value !== 0 || 1 / value > 0);
    case 'boolean':
      return true;
    default:
      return value === null;
  }
}

function isPlainArray(value: unknown): boolean {
  return Array.isArray(value) && value.length <= MAX_LENGTH && isDense(value) && value.every(isPlain);
}
