// @ts-check
// JavaScript, because Node 20 can't load TypeScript in a worker thread. The types are in the .d.ts beside it.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { transform } from 'esbuild';

/** @type {typeof import('./strip.tasks.js').strip} */
export const strip = async (file, from, to) => {
  const source = await readFile(join(from, file));
  const { code } = await transform(source, { loader: 'ts', target: 'node20', sourcefile: file });
  const target = join(to, file.replace(/ts$/, 'js'));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, code);
  return { file, typescript: source.length, javascript: Buffer.byteLength(code) };
};
