// @ts-check
import { paintRows, survey } from '../mandelbrot/fractal.js';

/** @type {[view: import('../mandelbrot/fractal.js').View, exposure: import('../mandelbrot/fractal.js').Exposure]} */
let scene;

/** @type {typeof import('./render.tasks.js').show} */
export const show = (view) => {
  scene = [view, survey(view)];
};

/** @type {typeof import('./render.tasks.js').renderBand} */
export const renderBand = (from, to) => ({ rows: paintRows(...scene, from, to), server: process.env.SERVER ?? '' });
