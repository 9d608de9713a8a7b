import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';

// Ranges set aside for documentation (RFC 5737 and 3849), and the monitoring that everybody would rather ignore.
const MONITOR = '192.0.2.1';
const ADDRESSES = [
  MONITOR,
  ...Array.from({ length: 200 }, (_, i) => `198.51.100.${i + 1}`),
  ...Array.from({ length: 50 }, (_, i) => `2001:db8::${(i + 1).toString(16)}`),
];
const PATHS = ['/', '/robots.txt', '/favicon.ico', ...Array.from({ length: 500 }, (_, i) => `/articles/${i + 1}`)];
const STATUSES = [200, 200, 200, 200, 200, 200, 304, 301, 404, 500];
const REFERRERS = ['-', 'https://example.org/', 'https://example.com/search?q=\\"fair queue\\"'];
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'curl/8.9.1',
];
const PACKAGES = ['libc6:amd64', 'tzdata:all', 'openssl:amd64', 'nginx:amd64', 'nodejs:amd64'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A linear congruential generator: 0 up to 1, the same numbers in every run. */
function createRandom(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Lines of an access log, one a second. */
export function* accessLines(count: number, format: 'common' | 'combined'): Generator<string> {
  const random = createRandom();
  // The first ones far more often than the last.
  const pick = <T>(values: readonly T[]): T => values[Math.floor(values.length * random() ** 3)] as T;
  for (let i = 0; i < count; i++) {
    const [year, month = '', day, time] = new Date(Date.UTC(2026, 0, 1, 0, 0, i)).toISOString().split(/[-T.]/);
    const clock = `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
    const line = `${pick(ADDRESSES)} - - [${clock}] "GET ${pick(PATHS)} HTTP/1.1" ${pick(STATUSES)} ${Math.floor(random() * 50_000)}`;
    yield format === 'common' ? `${line}\n` : `${line} "${pick(REFERRERS)}" "${pick(AGENTS)}"\n`;
  }
}

function* dpkgLines(): Generator<string> {
  yield '2026-01-02 03:04:05 startup archives unpack\n';
  for (const name of PACKAGES) {
    yield `2026-01-02 03:04:06 upgrade ${name} 1.0-1 1.0-2\n`;
    yield `2026-01-02 03:04:06 status half-configured ${name} 1.0-1\n`;
    yield `2026-01-02 03:04:07 status installed ${name} 1.0-2\n`;
  }
}

/** Writes a large log, smaller ones of every format, and some files with something wrong. Returns their paths. */
export async function writeDemo(folder: string, lines = 150_000): Promise<string[]> {
  const write = async (name: string, content: Iterable<string>) => {
    const path = join(folder, name);
    const file = createWriteStream(path);
    if (name.endsWith('.gz')) await pipeline(Readable.from(content), createGzip(), file);
    else await pipeline(Readable.from(content), file);
    return path;
  };
  const put = async (name: string, content: Uint8Array | string) => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };

  const cut = gzipSync([...accessLines(2000, 'combined')].join('')).subarray(0, -1000);
  return [
    await write('access.log', accessLines(lines, 'combined')),
    await write('access.log.1', accessLines(2000, 'common')),
    await write('access.log.2.gz', accessLines(lines / 3, 'combined')),
    await put('access.log.3.gz', cut),
    await write('dpkg.log', dpkgLines()),
    await put('mixed.log', [...accessLines(3, 'common'), 'not a line of a log\n'].join('')),
    await put(
      'picture.log',
      Uint8Array.from({ length: 1000 }, (_, i) => i % 256),
    ),
    await put('empty.log', ''),
    join(folder, 'missing.log'),
  ];
}
