import { Script } from 'node:vm';
import { isNiceqError } from 'niceq';
import { describe, expect, test } from 'vitest';
import { sourceOf } from '../../../src/protocol/portable.js';
import { pathToUncloneable, refusedArgument, refusedResult } from '../../../src/protocol/uncloneable.js';

type Fn = (...args: never[]) => unknown;

/** The function as another thread would make it. */
function remade(fn: Fn): (...args: unknown[]) => unknown {
  return new Script(sourceOf(fn)).runInThisContext() as (...args: unknown[]) => unknown;
}

/** Made from text, so that no compiler changes its form. */
function written(text: string): Fn {
  return new Function(`return ${text}`)() as Fn;
}

describe('sourceOf()', () => {
  const forms: Record<string, string> = {
    'an arrow function': '(a, b) => a + b',
    'an arrow function with a body': '(a, b) => { return a + b; }',
    'an async arrow function': 'async (a, b) => a + b',
    'an arrow function that gives an object': '(a, b) => ({ sum: a + b }.sum)',
    'a function expression': 'function (a, b) { return a + b; }',
    'a named function expression': 'function add(a, b) { return a > 0 ? add(a - 1, b + 1) : b; }',
    'an async function': 'async function add(a, b) { return a + b; }',
    'a function with default, rest and destructured parameters': '(a, b = 2, ...[c = 0]) => a + b + c',
    'a method': '({ add(a, b) { return a + b; } }).add',
    'an async method': '({ async add(a, b) { return a + b; } }).add',
    'a method with a computed name': "({ ['a' + 'dd'](a, b) { return a + b; } }).add",
    'a method with a name in quotes': "({ 'a d d'(a, b) { return a + b; } })['a d d']",
    'a method called get': '({ get(a, b) { return a + b; } }).get',
    'a method called set': '({ set(a, b) { return a + b; } }).set',
    'a method called async': '({ async(a, b) { return a + b; } }).async',
    'a static method': '(class { static add(a, b) { return a + b; } }).add',
    'a function with comments': '/* before */ function /* name */ (a, b) { return a + b; /* after */ }',
    'a function with a comment at its end': '(a, b) => a + b // [native code]\n',
  };
  for (const [what, text] of Object.entries(forms)) {
    test(`takes ${what}`, async () => {
      expect(await remade(written(text))(1, 2)).toBe(3);
    });
  }

  test('takes generators', () => {
    const generator = remade(written('function* (n) { for (let i = 0; i < n; i++) yield i; }'));
    expect([...(generator(3) as Iterable<number>)]).toEqual([0, 1, 2]);
    const method = remade(written('({ *count(n) { yield n; } }).count'));
    expect([...(method(3) as Iterable<number>)]).toEqual([3]);
  });

  test('takes the same function to the same text', () => {
    const make = (n: number) => (m: number) => n + m;
    expect(sourceOf(make(1))).toBe(sourceOf(make(2)));
  });

  const refused: Record<string, () => Fn> = {
    'a native function': () => Math.max,
    'a native constructor': () => Map as unknown as Fn,
    'a bound function': () => ((n: number) => n).bind(null, 1) as Fn,
    'a proxy of a function': () => new Proxy((n: number) => n, {}) as Fn,
    'a class': () => written('class A { method() {} }'),
    'a derived class': () => written('class extends Array {}'),
    'a method that needs `this`': () => written('({ x: 1, get5() { return this.x; } }).get5'),
    'a method that needs `super`': () => written('({ m() { return super.toString(); } }).m'),
    'a getter': () => written("Object.getOwnPropertyDescriptor({ get x() { return 1; } }, 'x').get"),
    'a setter': () => written("Object.getOwnPropertyDescriptor({ set x(v) {} }, 'x').set"),
    'a private method': () => written('new (class { #m() { return 1; } get() { return this.#m; } })().get()'),
  };
  for (const [what, make] of Object.entries(refused)) {
    test(`refuses ${what}`, () => {
      let error: unknown;
      try {
        sourceOf(make());
      } catch (thrown) {
        error = thrown;
      }
      expect(isNiceqError(error, 'ERR_NOT_PORTABLE')).toBe(true);
      expect((error as Error).message).toContain('task module');
    });
  }

  test('names the function it refuses', () => {
    expect(() => sourceOf(Math.max)).toThrow('`max`');
  });
});

describe('pathToUncloneable()', () => {
  const fn = () => 1;
  const cases: [unknown, string][] = [
    [fn, ''],
    [[1, fn], '[1]'],
    [{ rows: [0, { render: fn }] }, '.rows[1].render'],
    [{ 'with space': fn }, '["with space"]'],
    [new Map([['key', fn]]), '.get(key)'],
    [new Map([[fn, 1]]), '.key('],
    [new Set([1, fn]), '.values()[1]'],
    [[new Map([['a', [new Set([{ b: fn }])]]])], '[0].get(a)[0].values()[0].b'],
  ];
  for (const [value, path] of cases) {
    test(`finds ${path === '' ? 'the value itself' : path}`, () => {
      expect(pathToUncloneable(value, structuredClone)).toContain(path);
      if (path === '') expect(pathToUncloneable(value, structuredClone)).toBe('');
    });
  }

  test('ends in what contains itself', () => {
    const round: Record<string, unknown> = {};
    round.self = round;
    round.fn = fn;
    expect(pathToUncloneable(round, structuredClone)).toBe('.fn');
  });
});

test('What is refused without a way into it is still named, with the reason', () => {
  const refuse = () => {
    throw 'not today';
  };
  expect(refusedArgument([], refuse, 'not today').message).toBe("An argument can't be sent to the worker: not today");
  const fn = () => {};
  expect(refusedArgument([1, fn], structuredClone, new Error('no')).message).toBe(
    "Argument 1 can't be sent to the worker: no",
  );
  expect(refusedResult('The result', fn, structuredClone, new Error('no')).message).toBe(
    "The result can't be sent from the worker: no",
  );
  const deep = new Map([['key', new Set([1, { 'a b': fn }])]]);
  expect(pathToUncloneable(deep, structuredClone)).toBe('.get(key).values()[1]["a b"]');
});
