import type { LogRecord } from './log-line.js';
import { Tally } from './tally.js';

/** What is counted: the entry a record has for it, or null. */
const SUBJECTS: Record<string, (record: LogRecord) => string | null> = {
  Addresses: (record) => (record.format === 'dpkg' ? null : record.address),
  Requests: (record) => (record.format === 'dpkg' ? null : withoutQuery(record.request)),
  Answers: (record) => (record.format === 'dpkg' ? null : String(record.status)),
  Referrers: (record) => (record.format === 'dpkg' ? null : record.referrer),
  'User agents': (record) => (record.format === 'dpkg' ? null : record.agent),
  Packages: (record) => (record.format === 'dpkg' ? record.package : null),
  Actions: (record) => (record.format === 'dpkg' ? record.action : null),
};

/** Method and path: a page is the same whatever it is asked for with. */
function withoutQuery(request: string): string {
  return request.replace(/(\?\S*)?( HTTP\/[\d.]+)?$/, '');
}

/** The most frequent entries of all the records, by subject. */
export class Rankings {
  readonly #tallies = Object.entries(SUBJECTS).map(([subject, entryOf]) => ({ subject, entryOf, tally: new Tally() }));

  add(record: LogRecord): void {
    for (const { entryOf, tally } of this.#tallies) {
      const entry = entryOf(record);
      if (entry !== null) tally.add(entry);
    }
  }

  /** Only subjects that occurred. */
  *[Symbol.iterator](): Generator<[subject: string, tally: Tally]> {
    for (const { subject, tally } of this.#tallies) if (tally.total > 0) yield [subject, tally];
  }
}
