/** A line of an access log in the common or combined format. */
export interface AccessRecord {
  format: 'common' | 'combined';
  /** Epoch milliseconds. */
  time: number;
  address: string;
  user: string | null;
  /** The request line as it came: `GET / HTTP/1.1`, if all is well. */
  request: string;
  status: number;
  /** 0 where the log has a dash. */
  bytes: number;
  /** Null where the log has a dash, and in the common format; so is `agent`. */
  referrer: string | null;
  agent: string | null;
}

/** A line of Debian's dpkg.log. */
export interface PackageRecord {
  format: 'dpkg';
  /** Epoch milliseconds: the log has local time. */
  time: number;
  /** `install`, `status installed`, `startup archives unpack`... */
  action: string;
  /** Null if the entry is not about a package. */
  package: string | null;
  version: string | null;
}

export type LogRecord = AccessRecord | PackageRecord;

/** What the line says, or null if it is of none of the formats. */
export function parseLine(line: string): LogRecord | null;
