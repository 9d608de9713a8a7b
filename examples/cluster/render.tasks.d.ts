import type { View } from '../mandelbrot/fractal.js';

/** Some rows, and the name of the server that rendered them. */
export interface Band {
  rows: Uint8Array<ArrayBuffer>;
  server: string;
}

/** What the bands are bands of, from now on. */
export function show(view: View): void;

/** Rows `from` up to, not including, `to`: three bytes a pixel. */
export function renderBand(from: number, to: number): Band;
