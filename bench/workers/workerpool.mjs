// @ts-check
import { isMainThread as isProcess } from 'node:worker_threads';
import workerpool from 'workerpool';
import { echo, increment, paint } from './tasks.mjs';

const { Transfer } = workerpool;

workerpool.worker({
  increment,
  echo,
  /** @param {Uint8Array<ArrayBuffer>} bytes */
  handOver: (bytes) => (isProcess ? bytes : new Transfer(bytes, [bytes.buffer])),
  /** @param {Parameters<typeof paint>} args */
  paint: async (...args) => {
    const rows = await paint(...args);
    return isProcess ? rows : new Transfer(rows, [rows.buffer]);
  },
});
