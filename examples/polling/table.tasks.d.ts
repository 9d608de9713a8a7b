/** What one consumer did. */
export interface Report {
  readonly process: number;
  /** The rows it worked on, in order. */
  readonly rows: number[];
  /** How many it worked on at the same time, at most. */
  readonly most: number;
}

/** Makes a table of that many rows to be worked on. One of them was claimed by somebody who died since. */
export function fill(file: string, rows: number): void;

/** Works on the rows of the table, at most `limit` at once, until none is left. */
export function consume(file: string, name: string, limit: number): Promise<Report>;

/** How many rows are done. */
export function count(file: string): number;
