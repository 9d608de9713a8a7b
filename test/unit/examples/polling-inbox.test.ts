import { renameSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ParallelLimitedTaskConsumer } from 'niceq/source';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inboxSource } from '../../../examples/polling/inbox.js';
import { deferred, FakeClock } from '../source/support.js';

let folder: string;
let inbox: string;
let claimed: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'niceq-inbox-'));
  inbox = join(folder, 'inbox');
  claimed = join(folder, 'claimed');
  await mkdir(inbox);
  await mkdir(claimed);
});

afterEach(() => rm(folder, { recursive: true }));

function source(work: (path: string, name: string) => Promise<void>) {
  return inboxSource({ inbox, claimed, interval: 1000, work, clock: new FakeClock() });
}

test('gives every file, by name, and moves it out of the way', async () => {
  for (const name of ['b', 'a', 'c']) await writeFile(join(inbox, name), name);
  const seen: string[] = [];
  await new ParallelLimitedTaskConsumer({ limit: 1 }).consume(
    source(async (path, name) => {
      seen.push(`${name} ${path === join(claimed, name)}`);
    }),
  );
  expect(seen).toEqual(['a true', 'b true', 'c true']);
  expect(await readdir(inbox)).toEqual([]);
});

test('two consumers of one directory never get the same file', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `file-${i}`);
  for (const name of names) await writeFile(join(inbox, name), name);
  const seen: string[] = [];
  const work = async (path: string, name: string) => {
    await rm(path);
    seen.push(name);
  };
  const consumers = [1, 2].map(() => new ParallelLimitedTaskConsumer({ limit: 3 }));
  await Promise.all(consumers.map((consumer) => consumer.consume(source(work))));
  expect(seen.sort()).toEqual(names.sort());
  expect(consumers.map(({ lastError }) => lastError)).toEqual([undefined, undefined]);
});

test('a directory that is missing while files are worked on is looked into again when one is done', async () => {
  for (const name of ['a', 'b', 'c']) await writeFile(join(inbox, name), name);
  const seen: string[] = [];
  const away = deferred();
  const failed = deferred();
  const consumer = new ParallelLimitedTaskConsumer({
    limit: 3,
    logger: { ...console, warn: () => failed.resolve() },
  });
  await consumer.consume(
    source(async (_, name) => {
      seen.push(name);
      if (name === 'a') {
        // Gone before the third poll, back after it.
        await away.promise;
        await failed.promise;
        await rename(`${inbox}.away`, inbox);
      } else if (name === 'b') {
        renameSync(inbox, `${inbox}.away`);
        away.resolve();
        await failed.promise;
      }
    }),
  );
  expect(seen).toEqual(['a', 'b', 'c']);
  expect(consumer.lastError).toMatchObject({ code: 'ENOENT' });
});

test('a directory that stays away ends the run, which tells why', async () => {
  await rm(inbox, { recursive: true });
  const consumer = new ParallelLimitedTaskConsumer({ limit: 1 });
  await consumer.consume(source(async () => {}));
  expect(consumer.lastError).toMatchObject({ code: 'ENOENT' });
});
