import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';

/** Runs what is measured once, and returns what it took in the unit of its section. */
export type Measure = () => number | Promise<number>;

/** Gets one candidate ready, in a process of its own. */
export type Setup = (collectGarbage: () => void) => Measure | Promise<Measure>;

/** What is compared: one column of a table. Each candidate does the same work. */
export interface Case {
  /** Unique in its group; targets name it. */
  readonly id: string;
  readonly title: string;
  readonly candidates: Readonly<Record<string, Setup>>;
  readonly rounds: number;
  /** How often each candidate runs before it counts. Default 2, or 1 if there is but one round. */
  readonly warmUps?: number;
  /** Whether each round gets fresh processes, for what a process can do only once. */
  readonly isFresh?: boolean;
}

/** One table. */
export interface Section {
  readonly title: string;
  readonly unit: string;
  readonly cases: readonly Case[];
  /** What is to be said below the table, from the results by case. */
  readonly footer?: (results: ReadonlyMap<string, Outcomes>) => string;
}

/** A group as its module exports it: everything it measures, in small if `isQuick`. */
export type Group = (isQuick: boolean) => readonly Section[];

/** What the rounds of one candidate took, or why it could not run. */
type Outcome = readonly number[] | Error;

/** By candidate. */
export type Outcomes = ReadonlyMap<string, Outcome>;

/** The one whose ratios to the others are printed. */
const OURS = 'niceq';

// --- rounds -----------------------------------------------------------------------------------------------------------

/** What the processes of candidates are told, and answer. */
export type Order = 'run' | 'end';
export type Answer = { readonly value: number } | { readonly error: string };

/** No run takes nearly as long, unless it hangs. */
const TIME_LIMIT = 60_000;

/** A process in which one candidate lives, so that it meets neither the garbage nor the optimized code of another. */
class Candidate {
  readonly #child: ChildProcess;

  constructor(group: string, isQuick: boolean, id: string, name: string) {
    const entry = new URL('candidate.js', import.meta.url);
    // execArgv: how this process was started is no business of what is measured. stderr: the workers of some peers
    // complain when their parent ends.
    const options: ForkOptions = { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] };
    this.#child = fork(entry, [group, String(isQuick), id, name], options);
  }

  async run(): Promise<number> {
    const child = this.#child;
    const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT);
    const gone = new AbortController();
    const exit = once(child, 'exit', { signal: gone.signal }).then(([code, signal]) => {
      throw new Error(`it ended with ${signal ?? `code ${code}`}`);
    });
    try {
      child.send('run' satisfies Order);
      const [answer] = (await Promise.race([once(child, 'message', { signal: gone.signal }), exit])) as [Answer];
      if ('error' in answer) throw new Error(answer.error);
      return answer.value;
    } finally {
      clearTimeout(timer);
      exit.catch(() => {});
      gone.abort();
    }
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    if (child.connected) child.send('end' satisfies Order);
    const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
    await exit;
    clearTimeout(timer);
  }
}

/** Runs all candidates of a case in turn: A B C, A B C... What else the machine does then meets all of them alike. */
export async function compare(group: string, isQuick: boolean, of: Case): Promise<Outcomes> {
  const { id, rounds, warmUps = Math.min(rounds, 2), isFresh = false } = of;
  const outcomes = new Map<string, number[] | Error>();
  const living = new Map<string, Candidate>();
  const start = (name: string) => new Candidate(group, isQuick, id, name);
  for (const name of Object.keys(of.candidates)) {
    outcomes.set(name, []);
    // All at once: loading is not measured, unless each round has its own.
    if (!isFresh) living.set(name, start(name));
  }
  try {
    for (let round = isFresh ? 0 : -warmUps; round < rounds; round++) {
      for (const [name, outcome] of outcomes) {
        if (outcome instanceof Error) continue;
        const candidate = living.get(name) ?? start(name);
        living.set(name, candidate);
        try {
          const value = await candidate.run();
          if (round >= 0) outcome.push(value);
        } catch (error) {
          outcomes.set(name, error as Error);
        }
        if (isFresh) {
          living.delete(name);
          await candidate.end();
        }
      }
    }
  } finally {
    await Promise.all([...living.values()].map((candidate) => candidate.end()));
  }
  return outcomes;
}

// --- figures ----------------------------------------------------------------------------------------------------------

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Of what was measured in the same round, as both then met the same machine. */
export function ratios(of: readonly number[], to: readonly number[]): number[] {
  return Array.from({ length: Math.min(of.length, to.length) }, (_, i) => (of[i] as number) / (to[i] as number));
}

/** Three digits that say something. */
export function format(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100
    ? value.toFixed(0)
    : value
        .toPrecision(3)
        .replace(/(\.\d*?)0+$|\.$/, '$1')
        .replace(/\.$/, '');
}

/** Median and range. */
export function spread(values: readonly number[]): string {
  const [least, most] = [format(Math.min(...values)), format(Math.max(...values))];
  return least === most ? format(median(values)) : `${format(median(values))} (${least} – ${most})`;
}

// --- Markdown -----------------------------------------------------------------------------------------------------------

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, 3, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}

/** A row a candidate, a column a case. */
export function sectionTable({ unit, cases }: Section, results: ReadonlyMap<string, Outcomes>): string {
  const names = new Set(cases.flatMap(({ candidates }) => Object.keys(candidates)));
  const rows = [...names].map((name) => [name, ...cases.map(({ id }) => cell(name, results.get(id)))]);
  return table([unit, ...cases.map(({ title }) => title)], rows);
}

function cell(name: string, outcomes: Outcomes | undefined): string {
  const outcome = outcomes?.get(name);
  if (outcome === undefined) return '';
  if (outcome instanceof Error) return `failed: ${(outcome.message.split('\n')[0] as string).replaceAll('|', '/')}`;
  const ours = outcomes?.get(OURS);
  if (name === OURS || ours === undefined || ours instanceof Error) return spread(outcome);
  const ratio = median(ratios(ours, outcome));
  return Number.isFinite(ratio) ? `${spread(outcome)} **${format(ratio)}×**` : spread(outcome);
}
