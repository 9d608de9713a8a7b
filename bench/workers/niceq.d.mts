import type { Exposure, View } from '../../examples/mandelbrot/fractal.js';

type Bytes = Uint8Array<ArrayBuffer>;

/** Moves the bytes back. */
export function handOver(bytes: Bytes): Bytes;
export function paint(view: View, exposure: Exposure, from: number, to: number): Promise<Bytes>;
/** Keeps the worker busy. */
export function spin(milliseconds: number): number;
export function numbers(count: number): Generator<number>;
/** That many of that many bytes, moved. */
export function buffers(count: number, size: number): Generator<Bytes>;
