import type { Exposure, View } from '../../examples/mandelbrot/fractal.js';

type Bytes = Uint8Array<ArrayBuffer>;
type PaintArguments = [view: View, exposure: Exposure, from: number, to: number];

export function increment(n: number): number;
export function echo(value: unknown): unknown;
export function paint(...args: PaintArguments): Promise<Bytes>;
/** For libraries that pass one argument. */
export function paintAll(args: PaintArguments): Promise<Bytes>;
