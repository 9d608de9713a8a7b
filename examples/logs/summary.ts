import Table, { type HorizontalAlignment } from 'cli-table3';
import type { Rankings } from './rankings.js';
import type { Reading } from './reading.js';

const numbers = new Intl.NumberFormat('en');
const sizes = new Intl.NumberFormat('en', { notation: 'compact', style: 'unit', unit: 'byte', unitDisplay: 'narrow' });
const shares = new Intl.NumberFormat('en', { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });

export const size = (bytes: number): string => sizes.format(bytes);
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;

/** Logs hold what anybody sent, which must not control the terminal. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** The end of a path tells more than its beginning. */
function shortenPath(path: string, length: number): string {
  return path.length > length ? `…${path.slice(1 - length)}` : path;
}

/** Rows in columns under a line, without a box around each cell. */
const LOOK = {
  chars: {
    ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
    ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
    ...{ left: '', 'left-mid': '', right: '', 'right-mid': '' },
    ...{ mid: '─', 'mid-mid': '──', middle: '  ' },
  },
  style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
};

function table(head: string[], rows: string[][], textColumns: number): string {
  const colAligns = head.map((_, column): HorizontalAlignment => (column < textColumns ? 'left' : 'right'));
  const result = new Table({ ...LOOK, head, colAligns });
  result.push(...rows);
  return result.toString();
}

function files(readings: readonly Reading[]): string {
  const rows = readings.map(({ path, size: bytes, formats, records, progress, workerId, doneAfter }) => [
    shortenPath(printable(path), 40),
    [...formats].join(', ') || '-',
    size(bytes),
    numbers.format(records),
    numbers.format(progress.ignored),
    numbers.format(progress.malformed),
    doneAfter === undefined ? '-' : seconds(doneAfter),
    workerId === undefined ? '-' : `${workerId}`,
  ]);
  return table(['File', 'Format', 'Size', 'Records', 'Ignored', 'Skipped', 'Done after', 'Worker'], rows, 2);
}

/** Tables of the files and of the `top` most frequent entries, and what was skipped. */
export function summarize(readings: readonly Reading[], rankings: Rankings, top: number): string {
  const parts = [files(readings)];
  for (const [subject, tally] of rankings) {
    const rows = tally
      .top(top)
      .map(([entry, count]) => [
        shorten(printable(entry), 70),
        numbers.format(count),
        shares.format(count / tally.total),
      ]);
    parts.push(table([subject, tally.isExact ? 'Count' : 'At least', 'Share'], rows, 1));
  }
  const skipped = readings.flatMap(({ path, skipped }) =>
    skipped === null ? [] : [`  ${shorten(printable(`${path}: ${skipped}`), 200)}`],
  );
  if (skipped.length > 0) parts.push(['Skipped', ...skipped].join('\n'));
  return parts.join('\n\n');
}

/** How much there was and how long it took. */
export function describeSpeed(readings: readonly Reading[], milliseconds: number): string {
  const bytes = readings.reduce((sum, { progress }) => sum + progress.bytes, 0);
  const lines = readings.reduce((sum, { progress }) => sum + progress.lines, 0);
  const rate = size((bytes * 1000) / Math.max(milliseconds, 1));
  return `${numbers.format(lines)} lines, ${size(bytes)}, in ${seconds(milliseconds)}, ${rate} a second`;
}
