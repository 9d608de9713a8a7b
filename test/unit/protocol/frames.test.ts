import { serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cloneByFrame, FrameReader, frame } from '../../../src/protocol/frames.js';

function reading() {
  const messages: unknown[] = [];
  const errors: unknown[] = [];
  const reader = new FrameReader({
    message: (message) => void messages.push(message),
    unreadable: (error) => void errors.push(error),
  });
  return { reader, messages, errors };
}

/** The bytes in pieces of these lengths, and the rest. */
function pieces(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const cut: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    cut.push(bytes.subarray(at, at + length));
    at += length;
  }
  return [...cut, bytes.subarray(at)];
}

describe('frames', () => {
  it('bring short messages of plain values as they were, in one way or the other', () => {
    const plain = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constantFrom(null, undefined, '\0', -0),
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(plain, fc.array(plain, { maxLength: 40 }), fc.sparseArray(plain)), { maxLength: 40 }),
        (message) => {
          const { reader, messages } = reading();
          reader.read(frame(message));
          expect(messages).toStrictEqual([message]);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('write what is plain as text, and only that', () => {
    const isText = (message: unknown) => frame(message).subarray(0, 4).toString() === 'text';
    expect(isText([1, 'two', true, null, undefined, [3, 'four']])).toBe(true);
    const named = Object.assign([1], { name: 'x' });
    for (const part of [
      Number.NaN,
      -0,
      '\0',
      1n,
      {},
      [undefined],
      [[]],
      new Array(2),
      named,
      new Date(),
      new Uint8Array(1),
    ]) {
      expect(isText([part])).toBe(false);
    }
    expect(isText(Array.from({ length: 31 }, () => 1))).toBe(false);
  });

  it('bring messages as they were, however their bytes are cut', () => {
    const message = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
    });
    fc.assert(
      fc.property(fc.array(message), fc.array(fc.nat(40), { maxLength: 40 }), (sent, lengths) => {
        const { reader, messages, errors } = reading();
        const bytes = Buffer.concat(sent.map(frame));
        for (const piece of pieces(bytes, lengths)) reader.read(piece);
        expect([messages, errors]).toStrictEqual([sent, []]);
      }),
    );
  });

  it('tell once of bytes that are no message, after the messages before them, and of nothing that follows', () => {
    const garbage: Uint8Array[] = [
      Buffer.from('{"json":true}'),
      Buffer.alloc(8),
      Buffer.concat([frame(1).subarray(0, 8), Buffer.alloc(frame(1).length - 8)]),
      frame({ cut: 'short' }).subarray(0, 12),
      serialize('without a head'),
    ];
    for (const bytes of garbage) {
      const { reader, messages, errors } = reading();
      reader.read(Buffer.concat([frame('before'), bytes, frame('after'), frame('later')]));
      reader.read(frame('later still'));
      expect(messages).toEqual(['before']);
      expect(errors).toHaveLength(1);
    }
  });

  it('bring each typed array with a buffer of its own, which holds nothing else', () => {
    const whole = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    const views = [
      whole.subarray(3, 5),
      new Uint16Array(whole.buffer, 2, 3),
      new Float64Array(whole.buffer, 8, 1),
      new BigInt64Array(whole.buffer, 8, 1),
      new DataView(whole.buffer, 5, 6),
      new Uint8Array(0),
    ];
    for (const padding of ['', 'x', 'xyz']) {
      const { reader, messages } = reading();
      reader.read(Buffer.concat([frame([padding, views]), frame([padding, views])]));
      const arrived = messages.flatMap((message) => (message as [string, typeof views])[1]);
      expect(arrived).toStrictEqual([...views, ...views]);
      for (const { byteOffset, byteLength, buffer } of arrived) {
        expect([byteOffset, buffer.byteLength]).toEqual([0, byteLength]);
      }
      expect(new Set(arrived.map(({ buffer }) => buffer)).size).toBe(arrived.length);
    }
  });

  it('bring a Buffer as threads do, as a Uint8Array', () => {
    const { reader, messages } = reading();
    reader.read(frame([Buffer.from('abc')]));
    expect(messages).toStrictEqual([[new Uint8Array([97, 98, 99])]]);
    expect(cloneByFrame(Buffer.from('abc'))).toStrictEqual(structuredClone(Buffer.from('abc')));
  });

  it('refuse what structured clone refuses', () => {
    expect(() => frame([() => 1])).toThrow(/could not be cloned/);
    expect(() => frame(Symbol('s'))).toThrow(/could not be cloned/);
    expect(() => cloneByFrame([() => 1])).toThrow(/could not be cloned/);
  });
});
