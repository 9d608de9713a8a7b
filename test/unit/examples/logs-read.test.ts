import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { AsyncQueue } from 'niceq';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accessLines, writeDemo } from '../../../examples/logs/demo.js';
import type { LogRecord } from '../../../examples/logs/log-line.js';
import { Rankings } from '../../../examples/logs/rankings.js';
import { inOrder, readLogs } from '../../../examples/logs/read-logs.js';
import { describeSpeed, summarize } from '../../../examples/logs/summary.js';

let folder: string;
let queue: AsyncQueue;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'niceq-logs-'));
  queue = new AsyncQueue({ concurrency: 2 });
});

afterEach(async () => {
  await queue.shutdown({ mode: 'crash' });
  await rm(folder, { recursive: true });
});

const lines = (count: number) => [...accessLines(count, 'combined')].join('');

async function read(
  files: Record<string, string | Uint8Array>,
  { ignore = [] as string[], signal = new AbortController().signal } = {},
) {
  const paths: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    paths.push(join(folder, name));
    await writeFile(join(folder, name), content);
  }
  const records: LogRecord[] = [];
  let size = Number.NaN;
  let bytes = 0;
  const readings = await readLogs(queue, paths, {
    ignore,
    signal,
    count: (record) => records.push(record),
    onStart: (all) => {
      size = all;
    },
    onProgress: (more) => {
      bytes += more;
    },
  });
  return { readings, first: readings[0], records, size, bytes };
}

describe('reading logs', () => {
  it('gives every record of every file, in order within a file', async () => {
    const { readings, records } = await read({ 'a.log': lines(3000), 'b.log': lines(10) });
    expect(readings.map((reading) => reading.records)).toEqual([3000, 10]);
    expect(readings.map(({ skipped }) => skipped)).toEqual([null, null]);
    const rankings = new Rankings();
    for (const record of records) rankings.add(record);
    expect([...rankings].find(([subject]) => subject === 'Addresses')?.[1].total).toBe(3010);

    const { records: alone } = await read({ 'a.log': lines(3000) });
    expect(alone.map(({ time }) => time)).toEqual(alone.map((_, i) => Date.UTC(2026, 0, 1, 0, 0, i)));
  });

  it('tells gzip by what is in the file, not by its name', async () => {
    const twice = Buffer.concat([gzipSync(lines(5)), gzipSync(lines(7))]);
    const { readings } = await read({ 'a.log': gzipSync(lines(20)), 'b.gz': lines(30), 'c.log': twice });
    expect(readings.map(({ records }) => records)).toEqual([20, 30, 12]);
  });

  it('is through with all bytes in the end, whatever became of the files', async () => {
    const { size, bytes } = await read({ a: lines(30_000), b: gzipSync(lines(9000)), c: Buffer.alloc(5000), d: '' });
    expect(size).toBeGreaterThan(5_000_000);
    expect(bytes).toBe(size);
  });

  it('leaves out the addresses to ignore, and counts them', async () => {
    const { first, records } = await read({ a: lines(1000) }, { ignore: ['192.0.2.1'] });
    expect(first?.progress.ignored).toBeGreaterThan(50);
    expect(first?.records).toBe(1000 - (first?.progress.ignored ?? 0));
    expect(records.some((record) => record.format !== 'dpkg' && record.address === '192.0.2.1')).toBe(false);
  });

  it('skips lines that are none of a log, and shows the first', async () => {
    const { first } = await read({ a: `${lines(2)}\nwhat?\n${lines(1)}why?\n` });
    expect(first?.records).toBe(3);
    expect(first?.skipped).toBe('2 lines, the first is line 4: what?');
    expect(first?.isRead).toBe(true);
  });

  it('says how far it got in a gzip file that breaks off', async () => {
    const { first } = await read({ a: gzipSync(lines(5000)).subarray(0, -500) });
    expect(first?.records).toBeGreaterThan(1000);
    expect(first?.records).toBeLessThan(5000);
    expect(first?.skipped).toBe(`cut short after line ${first?.records}: unexpected end of file`);
    expect(first?.isRead).toBe(true);
  });

  it.each([
    ['a gzip file that is damaged', Uint8Array.of(0x1f, 0x8b, 8, 9, 9, 9), /./, false],
    ['a binary file', Uint8Array.from({ length: 999 }, (_, i) => i % 256), /^not a text file$/, false],
    ['a binary file that is gzipped', gzipSync(Buffer.alloc(9)), /^not a text file$/, false],
    [
      'another text',
      'Dear diary,\nthis is not a log.\n',
      /^no log of a known format, from line 1: Dear diary,$/,
      false,
    ],
    ['an empty file', '', /^empty$/, true],
    ['a gzipped empty file', gzipSync(''), /^empty$/, true],
    ['a file of one byte', Uint8Array.of(0x1f), /^no log/, false],
  ])('says why it skipped %s', async (_, content, skipped, isRead) => {
    const { first } = await read({ a: content });
    expect(first?.skipped).toMatch(skipped);
    expect(first?.records).toBe(0);
    expect(first?.isRead).toBe(isRead);
  });

  it('says why it skipped what is no file', async () => {
    await mkdir(join(folder, 'folder'));
    await writeFile(join(folder, 'file'), '');
    const paths = ['folder', 'missing', 'file/in'].map((name) => join(folder, name));
    const ignoring = { ignore: [], count: () => {}, onStart: () => {}, onProgress: () => {} };
    const readings = await readLogs(queue, paths, { ...ignoring, signal: new AbortController().signal });
    expect(readings.map(({ skipped }) => skipped)).toEqual([
      'a folder',
      'no such file or directory',
      'not a directory',
    ]);
    expect(readings.some(({ isRead }) => isRead)).toBe(false);
  });

  it('ends with the reason of its signal', async () => {
    const reason = new Error('Enough');
    await expect(read({ a: lines(10) }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('begins with the largest files, one a worker, and goes on from the smallest', () => {
    const files = [5, 1, 9, 7, 3].map((size) => ({ size }));
    expect(inOrder(files, 2).map(({ size }) => size)).toEqual([7, 9, 1, 3, 5]);
    expect(inOrder(files, 8).map(({ size }) => size)).toEqual([1, 3, 5, 7, 9]);
  });
});

describe('the summary', () => {
  async function summary(paths: string[]) {
    const rankings = new Rankings();
    const readings = await readLogs(queue, paths, {
      ignore: ['192.0.2.1'],
      count: (record) => rankings.add(record),
      signal: new AbortController().signal,
      onStart: () => {},
      onProgress: () => {},
    });
    return { readings, text: summarize(readings, rankings, 2) };
  }

  it('shows files, the most frequent entries and what was skipped', async () => {
    const { readings, text } = await summary(await writeDemo(folder, 3000));
    for (const { path } of readings) expect(text).toContain(path.slice(-20));
    expect(text).toMatch(/^Addresses +Count +Share$/m);
    expect(text).toMatch(/^GET \/ +[\d,]+ +1\d\.\d%$/m);
    expect(text).toMatch(/^User agents +Count +Share$/m);
    expect(text).toMatch(/^Actions +Count +Share$/m);
    const skipped = text.slice(text.indexOf('Skipped\n  ')).split('\n').slice(1);
    expect(skipped.map((line) => line.replace(/^.*\//, ''))).toEqual([
      expect.stringMatching(/^access\.log\.3\.gz: cut short after line \d+: unexpected end of file$/),
      'mixed.log: line 4: not a line of a log',
      'picture.log: not a text file',
      'empty.log: empty',
      'missing.log: no such file or directory',
    ]);
  });

  it('lets nothing from a log control the terminal', async () => {
    const path = join(folder, 'a.log');
    await writeFile(path, `${lines(1).replace('GET', '\u001b[2JGET')}\u001b]0;title\u0007\n`);
    const { text } = await summary([path]);
    expect(text).toContain('\ufffd[2JGET');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it('tells how much there was in what time', async () => {
    const path = join(folder, 'a.log');
    await writeFile(path, 'x\n'.repeat(1500));
    const { readings } = await summary([path]);
    expect(describeSpeed(readings, 2000)).toBe('1,500 lines, 3KB, in 2.00 s, 1.5KB a second');
  });
});
