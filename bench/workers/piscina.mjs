// @ts-check
import { move } from 'piscina';
import { paintAll as paint } from './tasks.mjs';

export { echo, increment } from './tasks.mjs';

/** @param {Uint8Array<ArrayBuffer>} bytes */
export const handOver = (bytes) => move(bytes);

/** @param {Parameters<typeof paint>[0]} args */
export const paintAll = async (args) => move(await paint(args));
