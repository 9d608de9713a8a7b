import { describe, expect, it } from 'vitest';
import { type LogRecord, parseLine } from '../../../examples/logs/log-line.js';
import { Rankings } from '../../../examples/logs/rankings.js';
import { Tally } from '../../../examples/logs/tally.js';

describe('a tally', () => {
  it('tells the most frequent entries, of equally frequent ones the first', () => {
    const tally = new Tally();
    for (const entry of ['b', 'a', 'c', 'a', 'd', 'c']) tally.add(entry);
    expect(tally.top(3)).toEqual([
      ['a', 2],
      ['c', 2],
      ['b', 1],
    ]);
    expect(tally.total).toBe(6);
    expect(tally.isExact).toBe(true);
  });

  it('has nothing to tell of nothing', () => {
    expect(new Tally().top(5)).toEqual([]);
  });

  it('forgets rare entries when there are too many, and says so', () => {
    const tally = new Tally(10);
    for (let i = 0; i < 1000; i++) {
      tally.add('often');
      tally.add(`once ${i}`);
    }
    expect(tally.isExact).toBe(false);
    expect(tally.total).toBe(2000);
    expect(tally.top(1)).toEqual([['often', 1000]]);
    expect(tally.top(1000).length).toBeLessThanOrEqual(10);
  });
});

describe('rankings', () => {
  const rank = (...lines: string[]) => {
    const rankings = new Rankings();
    for (const line of lines) rankings.add(parseLine(line) as LogRecord);
    return Object.fromEntries([...rankings].map(([subject, tally]) => [subject, tally.top(10)]));
  };
  const access = (request: string, rest = '') => `192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] "${request}" 200 5${rest}`;

  it('count what access logs and package logs have', () => {
    expect(
      rank(access('GET / HTTP/1.1', ' "-" "curl"'), '2026-01-01 00:00:00 status installed libc6:amd64 2.36'),
    ).toEqual({
      Addresses: [['192.0.2.1', 1]],
      Requests: [['GET /', 1]],
      Answers: [['200', 1]],
      'User agents': [['curl', 1]],
      Packages: [['libc6:amd64', 1]],
      Actions: [['status installed', 1]],
    });
  });

  it('count requests for a page as one, whatever it is asked for with', () => {
    const { Requests } = rank(
      access('GET /a?b=c HTTP/1.1'),
      access('GET /a HTTP/2.0'),
      access('GET /a?'),
      access('POST /a HTTP/1.1'),
      access('-'),
    );
    expect(Requests).toEqual([
      ['GET /a', 3],
      ['POST /a', 1],
      ['-', 1],
    ]);
  });
});
