import fc from 'fast-check';
import { isNiceqError, QueueFullError, TaskTimeoutError, WorkerLostError } from 'niceq';
import { describe, expect, test } from 'vitest';
import { decodeError, encodeError } from '../../../src/protocol/error-record.js';

/** There and back, as a thread would do it. */
function sent<E>(error: E): E & Error & Record<string, unknown> {
  return decodeError(structuredClone(encodeError(error))) as E & Error & Record<string, unknown>;
}

const classes = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];

describe('An error on its way', () => {
  test('keeps its class, name, message, stack and properties', () => {
    const values = fc.oneof(
      fc.integer(),
      fc.string(),
      fc.bigInt(),
      fc.constant(undefined),
      fc.date(),
      fc.array(fc.nat()),
    );
    const names = fc.stringMatching(/^[a-z]\w{0,9}$/).filter((name) => !(name in new Error('x')) && name !== 'cause');
    fc.assert(
      fc.property(
        fc.constantFrom(...classes),
        fc.string(),
        fc.string(),
        fc.dictionary(names, values),
        (ErrorClass, message, name, properties) => {
          const error = Object.assign(new ErrorClass(message), properties);
          error.name = name;
          const back = sent(error);
          expect(back.constructor).toBe(ErrorClass);
          expect(back).toBeInstanceOf(ErrorClass);
          expect([back.name, back.message, back.stack]).toEqual([name, message, error.stack]);
          expect({ ...back }).toEqual({ ...properties });
        },
      ),
    );
  });

  test('arrives, however odd it is', () => {
    const odd = Object.assign(new RangeError('odd'), { name: undefined, message: null, stack: 5 });
    const back = sent(odd as unknown as Error);
    expect(back).toBeInstanceOf(RangeError);
    expect([back.name, back.message, typeof back.stack]).toEqual(['Error', '', 'string']);
    const rootless = Object.setPrototypeOf(new Error('rootless'), Object.prototype) as Error;
    Object.defineProperty(rootless, Symbol.toStringTag, { value: 'Error' });
    expect(sent(rootless)).toEqual(new Error('rootless'));
    const listed = Object.assign(new Error('listed'), { errors: [new TypeError('one'), 2] });
    expect(sent(listed).errors).toEqual([new TypeError('one'), 2]);
  });

  test('keeps a tree of causes and errors', () => {
    interface Tree {
      message: string;
      cause?: Tree | null | undefined;
      errors: Tree[] | undefined;
    }
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.record({
        message: fc.string(),
        cause: fc.option(tie('tree'), { nil: undefined, depthIdentifier: 'tree' }),
        errors: fc.option(fc.array(tie('tree'), { maxLength: 3, depthIdentifier: 'tree' }), { nil: undefined }),
      }),
    }));
    const grow = ({ message, cause, errors }: Tree): Error => {
      const options = cause === undefined || cause === null ? undefined : { cause: grow(cause) };
      return errors === undefined
        ? new Error(message, options)
        : new AggregateError(errors.map(grow), message, options);
    };
    const shape = (error: Error): unknown => ({
      of: error.constructor.name,
      message: error.message,
      cause: error.cause === undefined ? undefined : shape(error.cause as Error),
      errors: error instanceof AggregateError ? error.errors.map(shape) : undefined,
    });
    fc.assert(
      fc.property(tree, (planted) => {
        const error = grow(planted);
        expect(shape(sent(error))).toEqual(shape(error));
      }),
    );
  });

  test('may lead back to itself, by any way', () => {
    const error = new AggregateError([], 'round') as AggregateError & Record<string, unknown>;
    error.errors.push(error);
    error.cause = error;
    error.self = error;
    const back = sent(error);
    expect([back.cause === back, back.errors[0] === back, back.self === back]).toEqual([true, true, true]);
  });

  test('has its properties as hidden or open as they were', () => {
    const back = sent(Object.assign(new Error('x', { cause: 1 }), { status: 404 }));
    expect(Object.keys(back)).toEqual(['status']);
    expect(back.cause).toBe(1);
    expect('cause' in sent(new Error('x'))).toBe(false);
    expect(sent(new Error('x', { cause: undefined })).cause).toBeUndefined();
  });

  test('keeps errors among its properties', () => {
    const back = sent(Object.assign(new Error('x'), { inner: new TypeError('y'), errors: { field: 'wrong' } }));
    expect(back.inner).toBeInstanceOf(TypeError);
    expect(back.errors).toEqual({ field: 'wrong' });
  });

  test('of this package keeps its class, code and fields', () => {
    const full = sent(new QueueFullError(3));
    expect(full).toBeInstanceOf(QueueFullError);
    expect([full.name, full.code]).toEqual(['QueueFullError', 'ERR_QUEUE_FULL']);
    const timeout = sent(new TaskTimeoutError(100, 2));
    expect([timeout.timeout, timeout.attempts, isNiceqError(timeout, 'ERR_TASK_TIMEOUT')]).toEqual([100, 2, true]);
    const lost = sent(new WorkerLostError('x', { exitCode: 3, stderr: 'words' }));
    expect([lost.exitCode, lost.signal, lost.stderr]).toEqual([3, null, 'words']);
  });

  test('of a class that only one side has becomes its nearest ancestor', () => {
    class A extends RangeError {}
    class B extends A {
      override name = 'B';
    }
    const back = sent(new B('x'));
    expect(back.constructor).toBe(RangeError);
    expect(back.name).toBe('B');
  });

  test('that is a DOMException stays one', () => {
    const back = sent(new DOMException('gone', 'DataCloneError'));
    expect(back).toBeInstanceOf(DOMException);
    expect([back.name, back.message, back.code]).toEqual(['DataCloneError', 'gone', 25]);
  });

  test('always arrives, whatever its properties do', () => {
    const traps = Object.defineProperties(new Error('x'), {
      trap: {
        enumerable: true,
        get() {
          throw new Error('a trap');
        },
      },
      fn: { enumerable: true, value: () => 1 },
      symbol: { enumerable: true, value: Symbol('s') },
      nested: { enumerable: true, value: { deep: () => 1 } },
      kept: { enumerable: true, value: 1 },
    });
    const back = sent(traps as Error & Record<string, unknown>);
    expect(back.message).toBe('x');
    expect(back.kept).toBe(1);
    for (const name of ['fn', 'symbol', 'nested']) expect(name in back).toBe(false);
  });

  test('may be of another kind altogether', () => {
    const foreign = Object.create(null) as object;
    expect(sent(foreign)).toEqual({});
    const [anonymous, symbol] = [sent((): void => {}), sent(Symbol('thrown'))] as unknown as [Error, Error];
    expect([anonymous instanceof Error, symbol.message]).toEqual([true, 'Symbol(thrown)']);
    const hostile = {
      toString() {
        throw new Error('x');
      },
    };
    expect(sent(hostile)).toBeInstanceOf(Error);
  });

  test('is followed 100 levels deep, whichever way it leads on', () => {
    const ways: Record<string, (inner: Error) => Error> = {
      cause: (inner) => new Error('outer', { cause: inner }),
      errors: (inner) => new AggregateError([inner], 'outer'),
      property: (inner) => Object.assign(new Error('outer'), { inner }),
    };
    const inside = (error: Error) =>
      (error.cause ?? (error as AggregateError).errors?.[0] ?? Reflect.get(error, 'inner')) as Error;
    for (const wrap of Object.values(ways)) {
      let error = new Error('innermost');
      for (let i = 0; i < 20_000; i++) error = wrap(error);
      let at = sent(error) as Error;
      for (let i = 0; i < 100; i++) {
        expect(at.message).toBe('outer');
        at = inside(at);
      }
      expect([at.message, inside(at)]).toEqual([expect.stringContaining('100 levels'), undefined]);
    }
  });

  test('copies what it has for properties once', () => {
    const inner = new Error('inner');
    const error = Object.assign(new Error('outer'), { context: { error: inner }, again: { error: inner } });
    const probed: unknown[] = [];
    encodeError(error, (value) => {
      probed.push(value);
      return value;
    });
    expect(probed).toEqual([error.context, error.again]);
  });

  test('keeps what its properties were when it was recorded', () => {
    const error = Object.assign(new Error('x'), { context: { step: 1 } });
    const record = encodeError(error);
    error.context.step = 2;
    expect(decodeError(record)).toMatchObject({ context: { step: 1 } });
  });

  test('that is no error arrives as the value it is', () => {
    for (const value of [undefined, null, 0, '', false, 5n, [1], { status: 404 }, new Map([[1, 2]])]) {
      expect(sent(value)).toEqual(value);
    }
  });
});

test('a record from anybody makes an error, whatever it names as its class', () => {
  for (const name of ['constructor', '__proto__', 'toString', 'NoSuchError']) {
    const record = { ...encodeError(new Error('made up')), base: name, code: name } as ReturnType<typeof encodeError>;
    const error = decodeError(record);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toBe('made up');
  }
});
