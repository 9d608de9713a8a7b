/** Colours as linear light, so that several of them can be averaged. */

/**
 * Adds the gradient's colour at `phase`, weighted, to the three channels of `sum`. The gradient repeats with
 * every whole number.
 */
export function addColour(phase: number, weight: number, sum: Float64Array): void;

/**
 * The sRGB byte, 0..255, of an amount of linear light, 0..1. What lies between two bytes is rounded up from `1
 * - threshold` on.
 */
export function toByte(light: number, threshold: number): number;
