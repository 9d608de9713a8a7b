import { describe, expect, it } from 'vitest';
import { addColour, toByte } from '../../../examples/mandelbrot/palette.js';

function bytes(phase: number): number[] {
  const sum = new Float64Array(3);
  addColour(phase, 1, sum);
  return [...sum].map((light) => toByte(light, 0.5));
}

describe('the gradient', () => {
  it('never jumps, the seam included', () => {
    let last = bytes(0.95);
    for (let phase = 0.95; phase < 2.05; phase += 1 / 4096) {
      const next = bytes(phase);
      for (const channel of [0, 1, 2])
        expect(Math.abs((next[channel] ?? 0) - (last[channel] ?? 0))).toBeLessThanOrEqual(3);
      last = next;
    }
  });

  it('repeats with every whole number, below zero too', () => {
    for (const phase of [0, 0.125, 0.4375, 0.75]) {
      expect(bytes(phase + 3)).toEqual(bytes(phase));
      expect(bytes(phase - 2)).toEqual(bytes(phase));
    }
  });

  it('begins with the first anchor', () => {
    expect(bytes(0)).toEqual([0x07, 0x0b, 0x2a]);
  });

  it('is nowhere as black as the set', () => {
    for (let phase = 0; phase < 1; phase += 1 / 500) expect(Math.max(...bytes(phase))).toBeGreaterThan(24);
  });

  it('adds its light, weighted', () => {
    const [once, mixed] = [new Float64Array(3), new Float64Array(3)];
    addColour(0.3, 1, once);
    addColour(0.3, 0.25, mixed);
    addColour(0.3, 0.75, mixed);
    for (const channel of [0, 1, 2]) expect(mixed[channel]).toBeCloseTo(once[channel] ?? 0, 12);
  });
});

describe('the byte of an amount of light', () => {
  it('reaches from black to white, whatever the threshold', () => {
    for (const threshold of [0, 0.5, 0.999]) {
      expect(toByte(0, threshold)).toBe(0);
      expect(toByte(1, threshold)).toBe(255);
      expect(toByte(1.5, threshold)).toBe(255);
    }
  });

  it('follows the sRGB curve', () => {
    expect(toByte(0.2122308, 0.5)).toBe(127);
    expect(toByte(0.0030353, 0.5)).toBe(10);
  });

  it('never falls when the light grows, and leaves out no byte', () => {
    const seen = Array.from({ length: 20_001 }, (_, i) => toByte(i / 20_000, 0.5));
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(new Set(seen).size).toBe(256);
  });

  it('lets the threshold decide between two bytes', () => {
    const light = 0.5;
    const bytes = new Set([0, 0.25, 0.5, 0.75, 0.999].map((threshold) => toByte(light, threshold)));
    expect([...bytes]).toEqual([187, 188]);
  });
});
