// @ts-check
import { addColour, toByte } from './palette.js';

// Far beyond the 2 that would do: the farther out, the smoother counts, distances and slopes come out.
const ESCAPE_RADIUS_SQUARED = 1e6;

// The gradient goes round once for so many doublings of the count above the floor.
const DOUBLINGS = 3.3;

// Where the neighbourhood of the set comes closer than this many pixels, one sample does not tell a pixel's colour.
const EDGE = 1;
const EXTRA_SAMPLES = [0.125, 0.375, -0.125, -0.375, 0.375, -0.125, -0.375, 0.125];

// The light comes from the upper left, this high above the plane (1: 45 degrees).
const LIGHT_HEIGHT = 1.5;

/** @type {typeof import('./fractal.js').inMainBody} */
export const inMainBody = (re, im) => {
  const imSquared = im * im;
  const x = re - 0.25;
  const q = x * x + imSquared;
  return q * (q + x) <= 0.25 * imSquared || (re + 1) * (re + 1) + imSquared <= 0.0625;
};

// Where the last orbit ended: z and its derivative by c. Handed over in memory: variables still needed after a call, as
// of Math.log, V8 saves whenever they change, and the loop would take twice the time.
const end = new Float64Array(4);

/**
 * The number of steps after which the point has escaped, or 0.
 * @param {number} re
 * @param {number} im
 * @param {number} iterations
 * @param {number} resolution
 */
const iterate = (re, im, iterations, resolution) => {
  let zr = re;
  let zi = im;
  let dr = 1;
  let di = 0;
  // An orbit that comes back to where it was never escapes (Brent's check, against a position ever longer ago).
  let pastR = 0;
  let pastI = 0;
  let remember = 16;
  const still = resolution * resolution;
  for (let n = 1; n <= iterations; n++) {
    const rr = zr * zr;
    const ii = zi * zi;
    if (rr + ii > ESCAPE_RADIUS_SQUARED) {
      end[0] = zr;
      end[1] = zi;
      end[2] = dr;
      end[3] = di;
      return n;
    }
    // The derivative costs next to nothing: the processor has the time while it waits for z.
    const twiceR = zr + zr;
    const twiceI = zi + zi;
    const d = twiceR * dr - twiceI * di + 1;
    di = twiceR * di + twiceI * dr;
    dr = d;
    zi = twiceR * zi + im;
    zr = rr - ii + re;
    // Squares, not a comparison of each part: behind an && that rarely passes V8 has no types and would box every zi.
    const movedR = zr - pastR;
    const movedI = zi - pastI;
    if (movedR * movedR + movedI * movedI < still) return 0;
    if (n === remember) {
      pastR = zr;
      pastI = zi;
      remember *= 2;
    }
  }
  return 0;
};

/** @type {typeof import('./fractal.js').findEscape} */
export const findEscape = (re, im, iterations, resolution) => {
  const steps = inMainBody(re, im) ? 0 : iterate(re, im, iterations, resolution);
  if (steps === 0) return null;
  const [zr, zi, dr, di] = [end[0], end[1], end[2], end[3]];
  const radius = Math.sqrt(zr * zr + zi * zi);
  const logRadius = Math.log(radius);
  // z / dz points downhill, away from the set.
  const downR = zr * dr + zi * di;
  const downI = zi * dr - zr * di;
  const facing = (downI - downR) / Math.sqrt(2 * (downR * downR + downI * downI));
  return {
    count: steps + 1 - Math.log2(logRadius / Math.LN2),
    distance: (2 * logRadius * radius) / Math.sqrt(dr * dr + di * di),
    light: Math.max(0, (facing + LIGHT_HEIGHT) / (1 + LIGHT_HEIGHT)),
  };
};

/**
 * Pixel sizes and positions; x and y count from the upper left corner.
 * @param {import('./fractal.js').View} view
 */
const raster = ({ width, height, re, im, halfHeight }) => {
  const pixel = (2 * halfHeight) / height;
  return {
    pixel,
    // Near the parabolic points of the boundary an escaping orbit creeps on by less than a pixel, yet never
    // by much less.
    resolution: pixel / 1000,
    /** @param {number} x */
    reAt: (x) => re + (x + 0.5 - width / 2) * pixel,
    /** @param {number} y */
    imAt: (y) => im - (y + 0.5 - height / 2) * pixel,
  };
};

/** @type {typeof import('./fractal.js').survey} */
export const survey = (view) => {
  const coarse = { ...view, width: Math.round((48 * view.width) / view.height), height: 48 };
  const { reAt, imAt } = raster(coarse);
  const { resolution } = raster(view);
  const counts = [];
  for (let y = 0; y < coarse.height; y++) {
    for (let x = 0; x < coarse.width; x++) {
      const point = findEscape(reAt(x), imAt(y), view.iterations, resolution);
      if (point) counts.push(point.count);
    }
  }
  counts.sort((a, b) => a - b);
  const floor = counts[0] ?? 0;
  const middle = counts[counts.length >> 1] ?? 1;
  return { floor, spread: Math.max(middle - floor, 1) };
};

/**
 * Interleaved gradient noise (Jorge Jimenez), 0..1: dithering that breaks up the bands of slow gradients.
 * @param {number} x
 * @param {number} y
 */
const noise = (x, y) => {
  const wave = 52.9829189 * ((0.06711056 * x + 0.00583715 * y) % 1);
  return wave - Math.floor(wave);
};

/** @type {typeof import('./fractal.js').paintRows} */
export const paintRows = (view, { floor, spread }, from, to) => {
  const { pixel, resolution, reAt, imAt } = raster(view);
  const rows = new Uint8Array(view.width * (to - from) * 3);
  const sum = new Float64Array(3);

  /**
   * Adds the light of one point to the sum and returns how many pixels away the set is.
   * @param {number} x
   * @param {number} y
   */
  const addSample = (x, y) => {
    const point = findEscape(reAt(x), imAt(y), view.iterations, resolution);
    if (!point) return Number.POSITIVE_INFINITY;
    const distance = point.distance / pixel;
    const phase = Math.log2(1 + Math.max(point.count - floor, 0) / spread) / DOUBLINGS;
    // Fading to the black of the set draws the filaments, which are thinner than any pixel.
    addColour(phase, (0.4 + 0.6 * point.light) * Math.sqrt(Math.min(distance / EDGE, 1)), sum);
    return distance;
  };

  for (let y = from, i = 0; y < to; y++) {
    for (let x = 0; x < view.width; x++) {
      sum.fill(0);
      let samples = 1;
      if (addSample(x, y) < EDGE) {
        for (let k = 0; k < EXTRA_SAMPLES.length; k += 2, samples++) {
          addSample(x + EXTRA_SAMPLES[k], y + EXTRA_SAMPLES[k + 1]);
        }
      }
      const threshold = noise(x, y);
      for (let c = 0; c < 3; c++) rows[i++] = toByte(sum[c] / samples, threshold);
    }
  }
  return rows;
};
