import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Picture } from '../../../examples/mandelbrot/picture.js';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'niceq-picture-'));
  path = join(folder, 'a.png');
});

afterEach(() => rm(folder, { recursive: true }));

it('keeps the rows in the order they came in', async () => {
  const picture = await Picture.create(path, 2, 3);
  picture.write(Uint8Array.of(255, 0, 0, 0, 255, 0));
  picture.write(Uint8Array.of(0, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  await picture.finish();

  const { width, height, data } = PNG.sync.read(await readFile(path));
  expect([width, height]).toEqual([2, 3]);
  const rgb = data.filter((_, i) => i % 4 < 3);
  expect([...rgb]).toEqual([255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(await readdir(folder)).toEqual(['a.png']);
});

it('does not finish a picture with rows missing', async () => {
  const picture = await Picture.create(path, 2, 2);
  picture.write(new Uint8Array(6));
  await expect(picture.finish()).rejects.toThrow('6 bytes of the picture are missing');
  await picture.discard();
});

it('leaves the previous picture alone when it is discarded', async () => {
  await writeFile(path, 'previous');
  const picture = await Picture.create(path, 2, 2);
  picture.write(new Uint8Array(6));
  await picture.discard();
  expect(await readdir(folder)).toEqual(['a.png']);
  expect(await readFile(path, 'utf8')).toBe('previous');
});

it('can be discarded when writing it was interrupted', async () => {
  const picture = await Picture.create(path, 1, 1);
  picture.write(new Uint8Array(3));
  await expect(picture.finish(AbortSignal.abort())).rejects.toThrow('abort');
  await picture.discard();
  expect(await readdir(folder)).toEqual([]);
});

it('says so at once when the file cannot be written', async () => {
  await expect(Picture.create(join(folder, 'missing', 'a.png'), 2, 2)).rejects.toThrow('ENOENT');
});
