/** The part of the plane to show. Pixels are square. */
export interface View {
  width: number;
  height: number;
  /** The centre. */
  re: number;
  im: number;
  /** From the centre to the upper edge. */
  halfHeight: number;
  /** A point that has not escaped after as many steps is taken for one of the set. */
  iterations: number;
}

/** Which iteration counts the gradient is laid over: deep in the set they are all in the thousands. */
export interface Exposure {
  /** The lowest count in view. */
  floor: number;
  /** How far above it the middle one lies. */
  spread: number;
}

export interface Escape {
  /** How many steps it took, as a continuous number. */
  count: number;
  /** An estimate of the distance to the set. */
  distance: number;
  /** How bright a slope that climbs towards the set is here, lit from the upper left: 0..1. */
  light: number;
}

/**
 * Whether the point is in the main cardioid or the disc to the left of it: most of the set, known without
 * iterating.
 */
export function inMainBody(re: number, im: number): boolean;

/** How the point escapes, or null if it is in the set. A motion below `resolution` counts as standing still. */
export function findEscape(re: number, im: number, iterations: number, resolution: number): Escape | null;

/** Has a quick look at the whole view. */
export function survey(view: View): Exposure;

/** Rows `from` up to, not including, `to`: three bytes a pixel. */
export function paintRows(view: View, exposure: Exposure, from: number, to: number): Uint8Array<ArrayBuffer>;
