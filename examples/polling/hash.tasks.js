// @ts-check
// JavaScript, because Node 20 can't load TypeScript in a worker thread. The types are in the .d.ts beside it.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

// As if the file were larger than an example should write.
const TIMES_LARGER = 40;

/** @type {typeof import('./hash.tasks.js').hash} */
export const hash = async (path) => {
  const content = await readFile(path);
  const sum = createHash('sha256');
  for (let i = 0; i < TIMES_LARGER; i++) sum.update(content);
  return sum.digest('hex');
};
