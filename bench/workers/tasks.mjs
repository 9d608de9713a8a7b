// @ts-check
// What every library's workers do. JavaScript, as Node 20 can't load TypeScript in a thread.

// Loaded by the first that paints: it makes palettes, which would count as the start-up of a worker that only counts.
const fractal = () => import('../../examples/mandelbrot/fractal.js');

/** @param {number} n */
export const increment = (n) => n + 1;

/** @param {unknown} value */
export const echo = (value) => value;

/** @param {Parameters<typeof import('../../examples/mandelbrot/fractal.js').paintRows>} args */
export const paint = async (...args) => (await fractal()).paintRows(...args);

/**
 * For libraries that pass one argument.
 * @param {Parameters<typeof paint>} args
 */
export const paintAll = (args) => paint(...args);
