import {
  isNiceqError,
  NiceqError,
  type NiceqErrorCode,
  NotPortableError,
  QueueClosedError,
  QueueFullError,
  TaskCancelledError,
  TaskModuleError,
  TaskTimeoutError,
  WorkerLostError,
  WorkerStartError,
} from 'niceq';
import { describe, expect, test } from 'vitest';

const cause = new Error('the cause');
const family: [NiceqError, string, NiceqErrorCode][] = [
  [new QueueClosedError(), 'QueueClosedError', 'ERR_QUEUE_CLOSED'],
  [new QueueFullError(5), 'QueueFullError', 'ERR_QUEUE_FULL'],
  [new TaskTimeoutError(100, 2), 'TaskTimeoutError', 'ERR_TASK_TIMEOUT'],
  [new TaskCancelledError('x', { cause }), 'TaskCancelledError', 'ERR_TASK_CANCELLED'],
  [new WorkerLostError('x', { cause }), 'WorkerLostError', 'ERR_WORKER_LOST'],
  [new WorkerStartError('x', { cause }), 'WorkerStartError', 'ERR_WORKER_START'],
  [new NotPortableError('x', { cause }), 'NotPortableError', 'ERR_NOT_PORTABLE'],
  [new TaskModuleError('x', { cause }), 'TaskModuleError', 'ERR_TASK_MODULE'],
];

describe('Each error', () => {
  test.each(family)('%s has its name and code, and is of the family', (error, name, code) => {
    expect([error.name, error.code]).toEqual([name, code]);
    expect(error).toBeInstanceOf(NiceqError);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toBe(`${name}: ${error.message}`);
    expect(error.stack?.startsWith(name) || error.stack?.startsWith('Error')).toBe(true);
    expect(Object.keys(error)).not.toContain('name');
    expect([undefined, cause]).toContain(error.cause);
  });

  test('tells what is known of it', () => {
    expect(new TaskTimeoutError(100, 2)).toMatchObject({ timeout: 100, attempts: 2 });
    expect(new TaskTimeoutError(100, 2).message).toMatch(/100 ms/);
    expect(new QueueFullError(5).message).toMatch(/5/);
    expect(new WorkerLostError('x', { exitCode: 3, signal: 'SIGKILL', stderr: 'words' })).toMatchObject({
      exitCode: 3,
      signal: 'SIGKILL',
      stderr: 'words',
    });
    expect(new WorkerLostError('x')).toMatchObject({ exitCode: null, signal: null, stderr: '' });
  });
});

describe('isNiceqError()', () => {
  test.each(family)('knows %s, and its code', (error, _, code) => {
    expect([isNiceqError(error), isNiceqError(error, code)]).toEqual([true, true]);
    for (const [, , other] of family) if (other !== code) expect(isNiceqError(error, other)).toBe(false);
  });

  test('knows what is none', () => {
    const strangers = [
      undefined,
      null,
      5,
      'ERR_QUEUE_FULL',
      {},
      new Error('x'),
      Object.assign(new Error('x'), { code: 'ERR_QUEUE_FULL' }),
    ];
    for (const value of strangers)
      expect([isNiceqError(value), isNiceqError(value, 'ERR_QUEUE_FULL')]).toEqual([false, false]);
  });

  test('knows errors of another copy of the package', () => {
    const copy = Object.assign(new Error('x'), { code: 'ERR_QUEUE_FULL', [Symbol.for('niceq.error')]: true });
    expect(isNiceqError(copy, 'ERR_QUEUE_FULL')).toBe(true);
  });
});
