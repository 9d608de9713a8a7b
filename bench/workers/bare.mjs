// @ts-check
// The least a worker can do: no library, no promise, no task.
import { isMainThread, parentPort } from 'node:worker_threads';
import { spin } from './spin.mjs';

const isThread = !isMainThread;

/**
 * @param {unknown} message
 * @param {import('node:worker_threads').Transferable[]} [transfer]
 */
const post = (message, transfer) => {
  if (isThread) parentPort?.postMessage(message, transfer);
  else process.send?.(message);
};

/** @param {any} message */
const receive = (message) => {
  if (typeof message === 'number') post(message + 1);
  else if (Array.isArray(message)) post(message.map((n) => n + 1));
  else if (message.numbers !== undefined) stream(message.numbers, message.batch);
  else if (message.buffers !== undefined) streamBuffers(message.buffers, message.size);
  else if (message.spin !== undefined) post(spin(message.spin));
  else if (message.move !== undefined) post(message, [message.move.buffer]);
  else post(message);
};

/**
 * @param {number} count
 * @param {number} batch
 */
const stream = (count, batch) => {
  for (let i = 0; i < count; ) {
    const items = [];
    for (const end = Math.min(i + batch, count); i < end; i++) items.push(i);
    post(items);
  }
};

// One at a time and no answer: the other side takes what comes, which is faster than anybody with back pressure.
/**
 * @param {number} count
 * @param {number} size
 */
const streamBuffers = (count, size) => {
  for (let i = 0; i < count; i++) {
    const bytes = new Uint8Array(size);
    post(bytes, [bytes.buffer]);
  }
};

if (isThread) parentPort?.on('message', receive);
else process.on('message', receive);
