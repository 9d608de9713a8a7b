import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, PollingTaskSource } from 'niceq/source';

export interface InboxOptions {
  /** The directory in which files appear. They have to appear whole: moved there, not written there. */
  inbox: string;
  /** Where a file is moved when it is claimed; on the same disk, as otherwise moving is not all or nothing. */
  claimed: string;
  /** Milliseconds between two looks. */
  interval: number;
  /** What is to be done with a file. */
  work: (path: string, name: string) => Promise<void>;
  clock?: Clock;
}

/** The files of a directory, by name, each given to one consumer only, however many look into the directory. */
export function inboxSource({ inbox, claimed, interval, work, clock }: InboxOptions): PollingTaskSource {
  const produce = async () => {
    const names = await readdir(inbox);
    for (const name of names.sort()) {
      const path = join(claimed, name);
      if (await moved(join(inbox, name), path)) return () => work(path, name);
    }
    return null;
  };
  return new PollingTaskSource({ interval, produce, ...(clock && { clock }) });
}

/** Moves a file; false if somebody else was faster. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
