// @ts-check
// JavaScript, because Node 20 can't load TypeScript in a worker thread. The types are in the .d.ts beside it.
import { transferable } from 'niceq';
import { paintRows, survey } from './fractal.js';

/** @type {[view: import('./fractal.js').View, exposure: import('./fractal.js').Exposure]} */
let scene;

/** @type {typeof import('./render.tasks.js').show} */
export const show = (view) => {
  scene = [view, survey(view)];
};

/** @type {typeof import('./render.tasks.js').renderRows} */
export const renderRows = (from, to) => {
  const rows = paintRows(...scene, from, to);
  return transferable(rows, [rows.buffer]);
};
