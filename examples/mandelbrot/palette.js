// @ts-check

/** sRGB anchors, evenly spaced around the cycle: night, sky, ice, sand, amber, ember, wine. */
const ANCHORS = [0x070b2a, 0x0e3b8c, 0x2f8fd8, 0xd9f1f4, 0xfff3c4, 0xffb02e, 0xc93f1c, 0x4a0d2b];

const STEPS = 4096;

/** @param {number} value */
const toLinear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** @param {number} value */
const toSrgb = (value) => (value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055);

// OKLab by Björn Ottosson: a straight line in it looks like an even change to the eye.

/** @param {number} rgb */
const toOklab = (rgb) => {
  const r = toLinear((rgb >> 16) / 255);
  const g = toLinear(((rgb >> 8) & 255) / 255);
  const b = toLinear((rgb & 255) / 255);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
};

/** @param {number[]} lab */
const fromOklab = ([lightness = 0, a = 0, b = 0]) => {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((light) => Math.min(Math.max(light, 0), 1));
};

/**
 * Catmull-Rom: runs through q and r without a kink at either, which the eye would take for an edge.
 * @param {number} p
 * @param {number} q
 * @param {number} r
 * @param {number} s
 * @param {number} t
 */
const spline = (p, q, r, s, t) => q + 0.5 * t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)));

/**
 * @returns {Float64Array} r, g, b of STEPS + 1 colours: the last is the first, so that looking up needs no
 * wrapping.
 */
const gradient = () => {
  const labs = ANCHORS.map(toOklab);
  const table = new Float64Array((STEPS + 1) * 3);
  for (let step = 0; step <= STEPS; step++) {
    const position = (step / STEPS) * labs.length;
    const anchor = Math.floor(position);
    /** @param {number} offset @param {number} channel */
    const at = (offset, channel) => labs[(anchor + offset + labs.length) % labs.length]?.[channel] ?? 0;
    const lab = [0, 1, 2].map((c) => spline(at(-1, c), at(0, c), at(1, c), at(2, c), position - anchor));
    table.set(fromOklab(lab), step * 3);
  }
  return table;
};

const GRADIENT = gradient();

// Fine enough for the dark end, where a byte is a 3295th of full light. 32 bits, in which full light is 255
// and no hair less.
const LEVELS = 16_384;
const SRGB = Float32Array.from({ length: LEVELS + 1 }, (_, level) => 255 * toSrgb(level / LEVELS));

/** @type {typeof import('./palette.js').addColour} */
export const addColour = (phase, weight, sum) => {
  const position = (phase - Math.floor(phase)) * STEPS;
  const step = Math.floor(position);
  // Between two entries, because the gradient may be stretched over so many pixels that single entries show as bands.
  const right = weight * (position - step);
  const left = weight - right;
  const i = step * 3;
  sum[0] += left * GRADIENT[i] + right * GRADIENT[i + 3];
  sum[1] += left * GRADIENT[i + 1] + right * GRADIENT[i + 4];
  sum[2] += left * GRADIENT[i + 2] + right * GRADIENT[i + 5];
};

/** @type {typeof import('./palette.js').toByte} */
export const toByte = (light, threshold) => Math.floor(SRGB[Math.round(Math.min(light, 1) * LEVELS)] + threshold);
