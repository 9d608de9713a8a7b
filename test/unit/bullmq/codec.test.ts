import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode, encodeList, probe } from '../../../src/bullmq/codec.js';
import { decodeError, type ErrorRecord, encodeError } from '../../../src/protocol/error-record.js';

const copy = (value: unknown) => decode(encode(value));

describe('What is sent to another machine', () => {
  const shared = { n: 1 };
  const values: Record<string, unknown> = {
    'minus zero and NaN': [-0, Number.NaN, Number.NEGATIVE_INFINITY],
    'an array with holes': Object.assign([], { 0: 1, 2: undefined, 3: null }),
    'half a surrogate pair': 'a\ud800b',
    'large integers': [2n ** 200n, -(2n ** 64n), 2 ** 53],
    'keys that are objects': new Map<unknown, unknown>([[{ a: 1 }, new Set([new Date(5), /x/giu])]]),
    'views of part of a buffer': new Uint16Array([1, 2, 3, 4]).subarray(1, 3),
    'a DataView': new DataView(new ArrayBuffer(4), 1, 2),
    'boxed values': [Object(1), Object('x'), Object(true)],
  };
  for (const [what, value] of Object.entries(values)) {
    test(`keeps ${what}`, () => expect(copy(value)).toStrictEqual(structuredClone(value)));
  }

  test('is a list of anything, which is short text if all that is in it is plain', () => {
    const plain = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.boolean(),
      fc.constantFrom(null, undefined, '\0', '='),
    );
    // A key that is `__proto__` is refused.
    const key = fc.string().filter((name) => name !== '__proto__');
    const part = fc.oneof(plain, fc.array(plain), fc.sparseArray(plain), fc.object({ key }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (list) => {
        expect(decode(encodeList(list))).toStrictEqual(structuredClone(list));
      }),
    );
    expect(encodeList(['done', 1, [2], undefined, 'two'])).toBe('=["done",1,[2],"\\u0000","two"]');
    expect(encodeList([{ a: 1 }])).toBe(encode([{ a: 1 }]));
  });

  test('keeps what occurs twice one object, and cycles', () => {
    const round: { self?: unknown; both: object[] } = { both: [shared, shared] };
    round.self = round;
    const back = copy(round) as typeof round;
    expect(back.self).toBe(back);
    expect(back.both[0]).toBe(back.both[1]);
  });

  test('has instances of classes arrive as plain objects, and Buffers as bytes', () => {
    class Point {
      x = 1;
      get twice() {
        return this.x * 2;
      }
    }
    expect(copy([new Point()])).toStrictEqual([{ x: 1 }]);
    expect(copy(Buffer.from('hi'))).toStrictEqual(new Uint8Array([104, 105]));
  });

  test('is of a view what can be seen, not all of a buffer that is far larger', () => {
    const { buffer } = new Uint8Array(1_000_000).fill(7);
    for (const view of [new Uint8Array(buffer, 999, 10), new Float64Array(buffer, 16, 1), new DataView(buffer, 3, 4)]) {
      expect(encode([view]).length).toBeLessThan(100);
      const [back] = copy([view]) as [typeof view];
      expect(back.constructor).toBe(view.constructor);
      expect([back.byteOffset, new Uint8Array(back.buffer)]).toEqual([0, new Uint8Array(view.byteLength).fill(7)]);
    }
    expect(copy(new Uint8Array(buffer, 5, 0))).toStrictEqual(new Uint8Array());
  });

  test('keeps errors as values, with their class, cause and stack', () => {
    const error = new RangeError('outer', { cause: new TypeError('inner') });
    const back = copy({ error }) as { error: RangeError };
    expect(back.error).toBeInstanceOf(RangeError);
    expect([back.error.message, back.error.stack]).toEqual(['outer', error.stack]);
    expect(back.error.cause).toBeInstanceOf(TypeError);
  });

  test('has errors that lead back to themselves through their properties arrive, as from a thread', () => {
    type Round = Error & { context?: { error: Round; list: Round[] } };
    const error: Round = new RangeError('x');
    error.context = { error, list: [error] };
    const [back] = copy([error]) as [Round];
    expect(back).toBeInstanceOf(RangeError);
    const context = back.context as NonNullable<Round['context']>;
    expect(context.error).toBeInstanceOf(RangeError);
    expect([context.error.message, context.error.stack, context.error.context]).toEqual(['x', error.stack, undefined]);
    expect(context.list[0]).toBe(context.error);
    expect(copy(decodeError(decode(encode(encodeError(error, probe))) as ErrorRecord))).toEqual(back);
  });

  test('reads errors in proportion to their number, however they lead to each other', () => {
    let reads = 0;
    const errors = Array.from({ length: 30 }, (_, i) =>
      Object.defineProperty(new Error(`${i}`), 'message', {
        get: () => {
          reads++;
          return `${i}`;
        },
      }),
    );
    for (const [i, error] of errors.entries()) Object.assign(error, { next: { error: errors[i + 1] } });
    const back = copy(errors) as Error[];
    expect(back.map(({ message }) => message)).toEqual(errors.map((_, i) => `${i}`));
    expect(reads).toBeLessThanOrEqual(3 * errors.length);
  });

  test('keeps the causes of an error inside of another', () => {
    const inner = Object.assign(new TypeError('inner', { cause: new Error('cause') }), { code: 'E' });
    const { context } = copy(Object.assign(new Error('outer'), { context: { inner } })) as {
      context: { inner: Error };
    };
    expect(context.inner).toBeInstanceOf(TypeError);
    expect([context.inner.message, context.inner.cause, Object.keys(context.inner)]).toEqual([
      'inner',
      new Error('cause'),
      [],
    ]);
  });

  test('is refused once if it is too deep to be written', () => {
    let value: object = {};
    for (let i = 0; i < 100_000; i++) value = { value };
    expect(() => encode(value)).toThrow(RangeError);
    expect(copy(Object.assign(new Error('x'), { value, kept: 1 }))).toEqual(Object.assign(new Error('x'), { kept: 1 }));
  });

  test.each([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a promise', Promise.resolve()],
    ['a WeakMap', new WeakMap()],
    ['shared memory', new SharedArrayBuffer(1)],
  ])('is no %s', (_, value) => {
    expect(() => encode({ deep: [value] })).toThrow();
  });

  test('is plain where it says so, whoever wrote it', () => {
    for (const text of ['=[{}]', '=[[[]]]', '={}', '=1', '=', '=[[null,{"a":1}]]'])
      expect(() => decode(text)).toThrow();
  });

  test('sets no prototype, whoever wrote it', () => {
    for (const text of [
      '[{"__proto__":1},{"polluted":2},true]',
      '[["Object",1],7]',
      '[["Map",5]]',
      '{}',
      '',
      'null',
      '[[-9]]',
      '=[{"__proto__":{"polluted":2}}]',
      '=[[{"__proto__":{"polluted":2}}]]',
      '={"__proto__":{"polluted":2}}',
      '=[',
    ]) {
      try {
        decode(text);
      } catch {
        // To be refused is as good.
      }
      expect(Reflect.get({}, 'polluted')).toBeUndefined();
    }
  });
});
