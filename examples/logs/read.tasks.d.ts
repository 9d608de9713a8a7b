import type { LogRecord } from './log-line.js';

/** What the reading of a file reports: what there has been so far. */
export interface ReadProgress {
  /** Of the file as it is on the disk. */
  bytes: number;
  lines: number;
  /** How many of them were from an address to ignore. */
  ignored: number;
  /** How many of them were of no known format. */
  malformed: number;
  firstMalformed: { line: number; text: string } | null;
}

/** From now on this worker leaves out what came from these addresses. */
export function ignore(addresses: readonly string[]): void;

/** The records of a log file, gzipped or not. */
export function readLog(path: string): AsyncGenerator<LogRecord, void>;
