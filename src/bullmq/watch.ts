import type { Redis as Client } from 'ioredis';
import type { Keys } from './keys.js';

/** How long one that was there counts as being there, and how often those that are watched are looked for, in milliseconds. */
const INTERVAL = 1000;
/** How many are remembered, besides those that somebody waits to know of. */
const KNOWN = 1000;

interface Sighting {
  readonly at: number;
  /** Since when it has been missing; 0 while it is there. */
  readonly missingSince: number;
  readonly isGone: boolean;
}

/** Whether each of some members is there now: Redis itself knows who listens to the channel of a member. */
export async function areThere(client: Client, keys: Keys, members: readonly string[]): Promise<boolean[]> {
  if (members.length === 0) return [];
  const channels = members.map((member) => keys.presence(member));
  const counts = (await client.pubsub('NUMSUB', ...channels)) as (string | number)[];
  return members.map((_, i) => Number(counts[2 * i + 1]) > 0);
}

/**
 * Knows which members are there. A member listens to a channel of its own; Redis itself knows who listens, so nobody has
 * to send signs of life. One that was missing for a time of grace is gone: it may only have lost its connection for a
 * moment. If it comes back all the same, it is there again.
 */
export class Watch {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #grace: number;
  readonly #sightings = new Map<string, Sighting>();
  readonly #watched = new Map<string, Set<() => void>>();
  /** Those that somebody waits to know of. */
  readonly #asked = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(client: Client, keys: Keys, grace: number) {
    this.#client = client;
    this.#keys = keys;
    this.#grace = grace;
  }

  /** Whether it was there when it was last looked for. Once seen it is taken to be there while it is looked for again. */
  wasSeen(member: string): boolean {
    const known = this.#sightings.get(member);
    if (known?.missingSince !== 0 || this.#isClosed) return false;
    if (performance.now() - known.at > INTERVAL) void this.#look([member]);
    return true;
  }

  /** Looks whether it is there. Waits until that is certain. */
  async isThere(member: string): Promise<boolean> {
    const gone = await this.gone([member]);
    return gone.length === 0 && !this.#isClosed;
  }

  /** Those of some that are gone. Waits until that is certain, or it is closed. */
  async gone(members: readonly string[]): Promise<string[]> {
    const gone: string[] = [];
    let uncertain = members;
    for (const member of members) this.#asked.add(member);
    while (uncertain.length > 0 && !this.#isClosed) {
      if (await this.#look(uncertain)) {
        const isGone = (member: string) => this.#sightings.get(member)?.isGone === true;
        gone.push(...uncertain.filter(isGone));
        uncertain = uncertain.filter((member) => this.#sightings.get(member)?.missingSince !== 0 && !isGone(member));
      }
      if (uncertain.length > 0) await this.#pause();
    }
    for (const member of members) this.#asked.delete(member);
    return gone;
  }

  /** Calls back once, when the member is gone. Returns how to stop that. */
  watch(member: string, gone: () => void): () => void {
    const watchers = this.#watched.get(member) ?? new Set();
    this.#watched.set(member, watchers.add(gone));
    this.#plan();
    return () => {
      watchers.delete(gone);
      if (watchers.size === 0 && this.#watched.get(member) === watchers) this.#watched.delete(member);
    };
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const resolve of this.#waiting) resolve();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(INTERVAL, this.#grace / 4));
      timer.unref();
      this.#waiting.add(end);
    });
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#watched.size === 0 || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#patrol(), Math.min(INTERVAL, this.#grace / 4));
    // Who waits for something keeps the program alive by that.
    this.#timer.unref();
  }

  async #patrol(): Promise<void> {
    await this.#look([...this.#watched.keys()]);
    this.#timer = undefined;
    for (const [member, watchers] of [...this.#watched]) {
      if (!this.#sightings.get(member)?.isGone) continue;
      this.#watched.delete(member);
      for (const gone of watchers) gone();
    }
    this.#plan();
  }

  /** Since when one has been missing that is not there now. */
  #missingSince(member: string, now: number): number {
    const before = this.#sightings.get(member);
    if (before === undefined || before.missingSince === 0) return now;
    // Between two looks so far apart it may have been there. Looks take their time, however short the time of grace.
    return now - before.at < Math.max(this.#grace, 2 * INTERVAL) || before.isGone ? before.missingSince : now;
  }

  /** Returns whether Redis has answered. Nothing new is known of anybody while it can't be asked. */
  async #look(members: readonly string[]): Promise<boolean> {
    if (members.length === 0 || this.#client.status !== 'ready') return false;
    const are = await areThere(this.#client, this.#keys, members).catch(() => null);
    if (are === null) return false;
    const at = performance.now();
    members.forEach((member, i) => {
      const isThere = are[i] === true;
      const missingSince = isThere ? 0 : this.#missingSince(member, at);
      const isGone = !isThere && at - missingSince >= this.#grace;
      // The last that was seen is the last to be forgotten.
      this.#sightings.delete(member);
      this.#sightings.set(member, { at, missingSince, isGone });
    });
    for (const member of this.#sightings.keys()) {
      if (this.#sightings.size <= KNOWN) break;
      // Of whom somebody waits to know, it has to be remembered since when they are missing.
      if (!this.#watched.has(member) && !this.#asked.has(member)) this.#sightings.delete(member);
    }
    return true;
  }
}
