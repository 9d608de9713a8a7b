import { stat } from 'node:fs/promises';
import { getSystemErrorMap } from 'node:util';
import { type TaskQueue, taskModule } from 'niceq';
import pLimit from 'p-limit';
import type { LogRecord } from './log-line.js';
import type { ReadProgress } from './read.tasks.js';
import { Reading } from './reading.js';

const tasks = taskModule<typeof import('./read.tasks.js')>(new URL('./read.tasks.js', import.meta.url));

// A task is over as soon as it has made its generator, so the queue does not bound how many files are open.
const OPEN_FILES = 64;

export interface ReadOptions {
  /** Addresses whose records are left out. */
  ignore: readonly string[];
  /** Takes the records of all files, in order within each file. */
  count: (record: LogRecord) => void;
  signal: AbortSignal;
  /** Once the files were looked at: their size in all. */
  onStart: (bytes: number) => void;
  /** How much was read of them so far. */
  onProgress: (bytes: number) => void;
}

/** Reads the files on the workers of the queue. Rejects only if the signal aborts or the workers can't be set up. */
export async function readLogs(queue: TaskQueue, paths: readonly string[], options: ReadOptions): Promise<Reading[]> {
  const { ignore, count, signal, onStart, onProgress } = options;
  // Kept for the time of the queue: a thread or process that has to be replaced is told before its first file.
  await queue.update(tasks.ignore, [ignore]);
  const readings = await Promise.all(paths.map((path) => inspect(path, count)));
  onStart(readings.reduce((bytes, { size }) => bytes + size, 0));

  const begin = Date.now();
  const read = async (reading: Reading) => {
    // A series for each file: whatever is queued, each gets an equal share of the workers. The files that are being read
    // share them likewise: a task may make only so much more than its consumer has taken, and then it is the next one's
    // turn, so that a small file is through while the large ones beside it have hardly begun.
    const handle = queue.submit(tasks.readLog, [reading.path], { series: reading.path, consumer: reading, signal });
    handle.onProgress((progress) => {
      const { bytes } = progress as ReadProgress;
      onProgress(bytes - reading.progress.bytes);
      reading.progress = progress as ReadProgress;
    });
    await handle.promise.catch((error: unknown) => {
      signal.throwIfAborted();
      reading.error = describe(error);
    });
    onProgress(reading.size - reading.progress.bytes);
    reading.workerId = handle.workerId;
    reading.doneAfter = Date.now() - begin;
  };

  const limit = pLimit(OPEN_FILES);
  const readable = readings.filter(({ error }) => error === null);
  await Promise.all(inOrder(readable, queue.capacity).map((reading) => limit(read, reading)));
  return readings;
}

/**
 * The largest first, one for each worker, as they take longest; then from the smallest up, as one that has to wait for
 * a place among the open files should wait for small ones.
 */
export function inOrder<T extends { readonly size: number }>(files: readonly T[], workers: number): T[] {
  const bySize = [...files].sort((a, b) => a.size - b.size);
  return [...bySize.splice(-workers), ...bySize];
}

/** Opening anything but a file might wait forever, for whoever is to write into a pipe. */
async function inspect(path: string, count: (record: LogRecord) => void): Promise<Reading> {
  try {
    const stats = await stat(path);
    if (stats.isFile()) return new Reading(path, stats.size, count);
    throw new Error(stats.isDirectory() ? 'a folder' : 'not a regular file');
  } catch (error) {
    const reading = new Reading(path, 0, count);
    reading.error = describe(error);
    return reading;
  }
}

/** `no such file or directory` rather than `ENOENT: no such file or directory, stat '/var/log/...'`. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errno, syscall } = error as NodeJS.ErrnoException;
  // Only numbers of errors of the system mean something to it: those of zlib are others.
  const isKnown = errno !== undefined && syscall !== undefined;
  return (isKnown ? getSystemErrorMap().get(errno)?.[1] : undefined) ?? error.message;
}
