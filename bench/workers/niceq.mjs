// @ts-check
import { transferable } from '../../dist/index.js';
import { paintRows } from '../../examples/mandelbrot/fractal.js';

export { spin } from './spin.mjs';
export { echo, increment } from './tasks.mjs';

/** @param {Uint8Array<ArrayBuffer>} bytes */
export const handOver = (bytes) => transferable(bytes, [bytes.buffer]);

/** @param {Parameters<typeof paintRows>} args */
export const paint = (...args) => {
  const rows = paintRows(...args);
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
