// @ts-check
// JavaScript, because Node 20 can't load TypeScript in a worker thread. The types are in the .d.ts beside it.
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { taskContext } from 'niceq';
import { splitLines } from './lines.js';
import { parseLine } from './log-line.js';

const CHUNK = 65_536;
const REPORT_EVERY = 16 * CHUNK;

/** @type {Set<string>} */
let ignored = new Set();

/** @type {typeof import('./read.tasks.js').ignore} */
export const ignore = (addresses) => {
  ignored = new Set(addresses);
};

/** @type {typeof import('./read.tasks.js').readLog} */
export async function* readLog(path) {
  // Before the first await: afterwards the context may be that of another file.
  const { report } = taskContext();
  /** @type {import('./read.tasks.js').ReadProgress} */
  const progress = { bytes: 0, lines: 0, ignored: 0, malformed: 0, firstMalformed: null };
  const file = await open(path);
  try {
    const { buffer: magic } = await file.read(Buffer.alloc(2), 0, 2, 0);
    const stored = file.createReadStream({ start: 0, highWaterMark: CHUNK });
    const isGzip = magic[0] === 0x1f && magic[1] === 0x8b;
    // The loop below gets the errors of both, so nothing is left to do for the callback.
    const content = isGzip ? pipeline(stored, createGunzip({ chunkSize: CHUNK }), () => {}) : stored;

    for await (const lines of splitLines(textOnly(content))) {
      for (const line of lines) {
        progress.lines++;
        const record = parseLine(line);
        if (record === null) {
          if (line === '') continue;
          progress.malformed++;
          progress.firstMalformed ??= { line: progress.lines, text: line.slice(0, 200) };
        } else if (record.format !== 'dpkg' && ignored.has(record.address)) {
          progress.ignored++;
        } else {
          // One by one: niceq sends them in batches, and goes on only while the consumer keeps up.
          yield record;
        }
      }
      if (stored.bytesRead - progress.bytes >= REPORT_EVERY) {
        progress.bytes = stored.bytesRead;
        report({ ...progress });
      }
    }
    progress.bytes = stored.bytesRead;
  } finally {
    // Also tells what there was in a file that breaks off.
    report(progress);
    await file.close();
  }
}

/**
 * Text has no zero bytes; hardly anything else does without one for long.
 * @param {AsyncIterable<Buffer>} chunks
 */
async function* textOnly(chunks) {
  for await (const chunk of chunks) {
    if (chunk.includes(0)) throw new Error('not a text file');
    yield chunk;
  }
}
