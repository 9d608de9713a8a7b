import { describe, expect, test, vi } from 'vitest';
import { encode } from '../../../src/bullmq/codec.js';
import { type Orders, orders, type Reports, read, readJob, reports, write } from '../../../src/bullmq/protocol.js';

const names = Object.keys(reports) as (keyof Reports)[];
const makeReader = () => Object.fromEntries(names.map((name) => [name, vi.fn()])) as unknown as Reports;

describe('A message', () => {
  test('arrives as it was written', () => {
    const reader = makeReader();
    read(write<Reports>(['done', 7, new Map([[1, -0]]), 1.5, 2.5]), reports, reader);
    expect(reader.done).toHaveBeenCalledExactlyOnceWith(7, new Map([[1, -0]]), 1.5, 2.5);
    read(write<Reports>(['iterated', 7, null]), reports, reader);
    expect(reader.iterated).toHaveBeenCalledExactlyOnceWith(7, null);
  });

  test.each([
    ['no message', encode({ done: 1 })],
    ['an operation that is none', encode(['explode', 1])],
    ['an operation of every object', encode(['constructor', 1])],
    ['too few fields', encode(['done', 1])],
    ['too many fields', encode(['progress', 1, 2, 3])],
    ['a time that is none', encode(['done', 1, 2, Number.NaN, 3])],
    ['an error that is none', encode(['lost', 1, { type: 'other' }])],
    ['an error that refers to one before it', encode(['lost', 1, { type: 'seen', index: 0 }])],
    ['items that are no list', encode(['items', 1, 0, 'abc'])],
    ['no text of ours', 'hello'],
  ])('that is %s is refused, and nobody is told', (_, message) => {
    const reader = makeReader();
    expect(() => read(message, reports, reader)).toThrow();
    for (const name of names) expect(reader[name]).not.toHaveBeenCalled();
  });

  test('of a caller is no report of a server', () => {
    expect(() => read(write<Orders>(['pull', 'caller', 1]), reports, makeReader())).toThrow('pull');
    expect(Object.keys(orders).filter((name) => name in reports)).toEqual([]);
  });
});

describe('The data of a job', () => {
  const job = { caller: 'c', job: 1, module: 'm', name: 'n', id: 'i', attempt: 1, update: '', payload: '[]' };

  test('are what a caller of niceq writes', () => {
    expect(readJob(job)).toBe(job);
  });

  test.each(Object.keys(job))('are refused without %s', (key) => {
    expect(() => readJob({ ...job, [key]: undefined })).toThrow(TypeError);
    expect(() => readJob({ ...job, [key]: {} })).toThrow(TypeError);
  });

  test.each(['5e3-0', '1', '1-', '01-0', '1-0-0', ' 1-0', '-', `${'9'.repeat(16)}-0`])(
    'are refused with `%s` for the id of an update',
    (update) => {
      expect(() => readJob({ ...job, update })).toThrow(TypeError);
      const order = write<Orders>(['keep', 'caller', 1, update]);
      expect(() => read(order, orders, {} as Orders)).toThrow(TypeError);
    },
  );

  test('may have the id of an update', () => {
    for (const update of ['0-1', '1763721600000-0']) expect(readJob({ ...job, update }).update).toBe(update);
  });

  test('are refused if they are none at all', () => {
    for (const data of [null, undefined, 'text', 3]) expect(() => readJob(data)).toThrow(TypeError);
  });
});
