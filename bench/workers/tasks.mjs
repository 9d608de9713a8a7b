// @ts-check
// What every library's workers do. JavaScript, as Node 20 can't load TypeScript in a thread.
import { paintRows } from '../../examples/mandelbrot/fractal.js';

/** @param {number} n */
export const increment = (n) => n + 1;

/** @param {unknown} value */
export const echo = (value) => value;

export const paint = paintRows;

/**
 * For libraries that pass one argument.
 * @param {Parameters<typeof paintRows>} args
 */
export const paintAll = (args) => paintRows(...args);
