import type { View } from './fractal.js';

/** What the rows of this worker are rows of, from now on. */
export function show(view: View): void;

/** Rows `from` up to, not including, `to`: three bytes a pixel, handed over instead of copied. */
export function renderRows(from: number, to: number): Uint8Array<ArrayBuffer>;
