import type { ItemConsumer } from 'niceq';
import type { LogRecord } from './log-line.js';
import type { ReadProgress } from './read.tasks.js';

/** What becomes of one file. It takes the file's records, and passes them on. */
export class Reading implements ItemConsumer<LogRecord> {
  readonly path: string;
  /** In bytes, as it is on the disk. */
  readonly size: number;
  records = 0;
  readonly formats = new Set<LogRecord['format']>();
  progress: ReadProgress = { bytes: 0, lines: 0, ignored: 0, malformed: 0, firstMalformed: null };
  /** Why it could not be read, or not to its end. */
  error: string | null = null;
  workerId: number | undefined;
  /** How long after the beginning of everything it was done, in milliseconds. */
  doneAfter: number | undefined;
  readonly #count: (record: LogRecord) => void;

  constructor(path: string, size: number, count: (record: LogRecord) => void) {
    this.path = path;
    this.size = size;
    this.#count = count;
  }

  write(record: LogRecord): void {
    this.records++;
    this.formats.add(record.format);
    this.#count(record);
  }

  /** Whether there was something to read in it, or nothing at all but no reason to complain. */
  get isRead(): boolean {
    const { lines, malformed, ignored } = this.progress;
    return this.error === null ? lines === 0 || malformed < lines : this.records + ignored > 0;
  }

  /** What was skipped of it and why; null if nothing was. */
  get skipped(): string | null {
    const { lines, malformed, firstMalformed } = this.progress;
    if (this.error !== null) return this.isRead ? `cut short after line ${lines}: ${this.error}` : this.error;
    if (lines === 0) return 'empty';
    if (firstMalformed === null) return null;
    const example = `line ${firstMalformed.line}: ${firstMalformed.text}`;
    if (!this.isRead) return `no log of a known format, from ${example}`;
    return malformed === 1 ? example : `${malformed} lines, the first is ${example}`;
  }
}
