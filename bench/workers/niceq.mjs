// @ts-check
import { transferable } from '../../dist/index.js';
import { paint as paintRows } from './tasks.mjs';

export { spin } from './spin.mjs';

/** @param {Uint8Array<ArrayBuffer>} bytes */
export const handOver = (bytes) => transferable(bytes, [bytes.buffer]);

/** @param {Parameters<typeof paintRows>} args */
export const paint = async (...args) => {
  const rows = await paintRows(...args);
  return transferable(rows, [rows.buffer]);
};

/** @param {number} count */
export function* numbers(count) {
  for (let i = 0; i < count; i++) yield i;
}

/**
 * @param {number} count
 * @param {number} size
 */
export function* buffers(count, size) {
  for (let i = 0; i < count; i++) {
    const bytes = new Uint8Array(size);
    yield transferable(bytes, [bytes.buffer]);
  }
}
