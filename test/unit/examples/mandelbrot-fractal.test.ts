import { describe, expect, it } from 'vitest';
import { findEscape, inMainBody, paintRows, survey, type View } from '../../../examples/mandelbrot/fractal.js';

const RESOLUTION = 1e-9;

/** By the definition, with none of the short cuts. */
function escapesWithin(iterations: number, re: number, im: number): boolean {
  let zr = 0;
  let zi = 0;
  for (let n = 0; n < iterations; n++) {
    [zr, zi] = [zr * zr - zi * zi + re, 2 * zr * zi + im];
    if (zr * zr + zi * zi > 4) return true;
  }
  return false;
}

function* grid(step: number): Generator<[re: number, im: number]> {
  for (let im = -1.3; im <= 1.3; im += step) {
    for (let re = -2.2; re <= 0.7; re += step) yield [re, im];
  }
}

const view: View = { width: 60, height: 45, re: -0.7, im: 0, halfHeight: 1.2, iterations: 300 };

function paint(shown: View, rowsPerTask: number): Uint8Array {
  const exposure = survey(shown);
  const picture = new Uint8Array(shown.width * shown.height * 3);
  for (let from = 0; from < shown.height; from += rowsPerTask) {
    const rows = paintRows(shown, exposure, from, Math.min(from + rowsPerTask, shown.height));
    picture.set(rows, from * shown.width * 3);
  }
  return picture;
}

describe('membership of the set', () => {
  it('is never claimed for the main body where a point escapes', () => {
    const wrong = [...grid(0.013)].filter(([re, im]) => inMainBody(re, im) && escapesWithin(2000, re, im));
    expect(wrong).toEqual([]);
  });

  it('holds for the inside of the cardioid and the disc, not for the bulbs around them', () => {
    for (const [re, im] of [
      [0, 0],
      [0.2499, 0],
      [-0.5, 0.5],
      [-1, 0],
      [-1.2499, 0],
      [-0.76, 0],
    ] as const) {
      expect(inMainBody(re, im), `${re} ${im}`).toBe(true);
    }
    for (const [re, im] of [
      [0.2501, 0],
      [-1.2501, 0],
      [-1.31, 0],
      [-0.12, 0.75],
      [-0.75, 0.01],
      [-2, 0],
    ] as const) {
      expect(inMainBody(re, im), `${re} ${im}`).toBe(false);
    }
  });

  it('comes out as by the definition', () => {
    const iterations = 400;
    const wrong = [...grid(0.0171)].filter(([re, im]) => {
      const point = findEscape(re, im, iterations, RESOLUTION);
      // Escaping from the larger radius takes a few steps more; points between the two limits tell nothing.
      return point ? !escapesWithin(iterations, re, im) : escapesWithin(iterations - 10, re, im);
    });
    expect(wrong).toEqual([]);
  });

  it('is not claimed for points that creep past the cusp', () => {
    expect(findEscape(0.25 + 1e-8, 0, 100_000, 1e-12)?.count).toBeGreaterThan(10_000);
  });
});

describe('the continuous iteration count', () => {
  it('has no step where the number of iterations changes', () => {
    let last = findEscape(-2.5, 0.4, 300, RESOLUTION)?.count ?? 0;
    for (let re = -2.5; re < -1.9; re += 0.0005) {
      const { count } = findEscape(re, 0.4, 300, RESOLUTION) ?? { count: Number.NaN };
      expect(Math.abs(count - last)).toBeLessThan(0.02);
      last = count;
    }
  });

  it('lies close to the number of steps it takes to leave the circle of radius 2', () => {
    for (const [re, im] of [
      [-1.9, 0.3],
      [0.4, 0.4],
      [-0.75, 0.1],
      [-1.5, 0.1],
    ] as const) {
      const { count } = findEscape(re, im, 1000, RESOLUTION) ?? { count: Number.NaN };
      expect(escapesWithin(Math.ceil(count) + 2, re, im)).toBe(true);
      expect(escapesWithin(Math.floor(count) - 2, re, im)).toBe(false);
    }
  });
});

describe('the estimated distance', () => {
  it('is within a factor of four of the true one, left of the tip at -2', () => {
    for (const gap of [1e-6, 1e-3, 0.1]) {
      const { distance } = findEscape(-2 - gap, 0, 1000, 1e-12) ?? { distance: Number.NaN };
      expect(distance / gap).toBeGreaterThan(0.25);
      expect(distance / gap).toBeLessThan(4);
    }
  });
});

describe('the light', () => {
  it('falls on slopes that face the upper left', () => {
    const [lit, shaded] = [findEscape(-1.6, 0.9, 300, RESOLUTION), findEscape(0.5, -0.7, 300, RESOLUTION)];
    expect(lit?.light).toBeGreaterThan(0.9);
    expect(shaded?.light).toBeLessThan(0.4);
  });
});

describe('the exposure', () => {
  it('starts at the lowest count in view, deep in the set too', () => {
    const { floor, spread } = survey({
      ...view,
      re: -0.743643887037151,
      im: 0.13182590420533,
      halfHeight: 1e-6,
      iterations: 5000,
    });
    expect(floor).toBeGreaterThan(100);
    expect(spread).toBeGreaterThanOrEqual(1);
  });

  it('is harmless where nothing escapes', () => {
    const inside = { ...view, re: 0, halfHeight: 0.01 };
    expect(survey(inside)).toEqual({ floor: 0, spread: 1 });
    expect(paint(inside, 45).every((byte) => byte === 0)).toBe(true);
  });
});

describe('the painted rows', () => {
  it.each([1, 2, 7, 44])('are the same in bands of %i as in one piece', (rowsPerTask) => {
    expect(paint(view, rowsPerTask)).toEqual(paint(view, view.height));
  });

  it('are three bytes a pixel', () => {
    expect(paintRows(view, survey(view), 3, 8)).toHaveLength(5 * view.width * 3);
  });

  it('show the set black, and nothing outside it', () => {
    const picture = paint(view, view.height);
    const black = (x: number, y: number) =>
      picture
        .subarray((y * view.width + x) * 3)
        .slice(0, 3)
        .every((byte) => byte === 0);
    expect(black(30, 22)).toBe(true);
    expect(black(42, 20)).toBe(true);
    for (const [x, y] of [
      [0, 0],
      [59, 0],
      [0, 44],
      [59, 44],
    ] as const)
      expect(black(x, y)).toBe(false);
  });

  it('have the upper half plane above', () => {
    const above = { ...view, im: 1, halfHeight: 0.5, height: 20, width: 20, re: -0.1 };
    const isBlack = (y: number) =>
      paintRows(above, survey(above), y, y + 1)
        .subarray(30, 33)
        .every((byte) => byte === 0);
    expect(isBlack(19)).toBe(true);
    expect(isBlack(0)).toBe(false);
  });
});
