import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis as Client } from 'ioredis';
import type { Logger } from '../queue/options.js';
import { type BullSettings, connect, makeClient } from './connection.js';

/** How soon Redis is asked again that has refused to answer, in milliseconds. */
const PAUSE = 500;

export interface ConnectionsSettings extends BullSettings {
  /** Whether they keep the program alive. */
  readonly isRef: boolean;
  readonly logger: Logger | undefined;
}

/** The connections of a member, and what its logger is told of them. */
export class Connections {
  /** For commands, which wait while it is down. */
  readonly client: Client;
  /** Listens to channels. */
  readonly listener: Client;
  /** Waits for the inbox. */
  readonly reader: Client;
  readonly #logger: Logger | undefined;
  #isRef: boolean;
  /** Whether they have failed since they were last all there. */
  #isFailing = false;
  /** Whether Redis has refused to answer since it last did. */
  #isRefusing = false;
  /** Whether what goes wrong matters no more. */
  #isEnding = false;

  constructor({ connection, isRef, logger }: ConnectionsSettings) {
    this.#isRef = isRef;
    this.#logger = logger;
    this.client = makeClient(connection);
    this.listener = this.client.duplicate();
    this.reader = this.client.duplicate();
    for (const client of this.#clients) {
      client.on('error', (error) => this.#failed(error));
      client.on('ready', () => {
        if (this.#clients.every(({ status }) => status === 'ready')) this.#isFailing = false;
      });
      client.on('connect', () => this.#refer(client));
      client.on('reconnecting', () => this.#referTimer(client));
    }
  }

  /** Throws why that is not possible. */
  async connect(): Promise<void> {
    try {
      await Promise.all(this.#clients.map(connect));
    } catch (error) {
      this.disconnect();
      throw error;
    }
  }

  get isConnected(): boolean {
    return this.client.status === 'ready';
  }

  /** Asks Redis until it answers. Null if they end before. */
  async insist<T>(ask: () => Promise<T>): Promise<T | null> {
    while (!this.#isEnding) {
      try {
        const answer = await ask();
        this.#isRefusing = false;
        return answer;
      } catch (error) {
        if (!this.#isRefusing) this.complain('Redis refused to answer, and is asked again', error);
        this.#isRefusing = true;
        await sleep(PAUSE, undefined, { ref: false });
      }
    }
    return null;
  }

  complain(what: string, error: unknown): void {
    if (!this.#isEnding) this.#logger?.warn(what, error);
  }

  /** They are about to end: the program waits for that. */
  conclude(): void {
    this.#isEnding = true;
    this.#isRef = true;
    for (const client of this.#clients) this.#refer(client);
  }

  disconnect(): void {
    this.#isEnding = true;
    for (const client of this.#clients) client.disconnect();
  }

  get #clients(): Client[] {
    return [this.client, this.listener, this.reader];
  }

  #refer(client: Client): void {
    if (this.#isRef) client.stream?.ref?.();
    else client.stream?.unref?.();
  }

  /** The same of the timer that connects it again, which ioredis keeps to itself. */
  #referTimer(client: Client): void {
    if (!this.#isRef) (client as unknown as { reconnectTimeout?: NodeJS.Timeout | null }).reconnectTimeout?.unref();
  }

  /** Once, however many fail, and however often they try to come back. */
  #failed(error: Error): void {
    if (!this.#isFailing) this.complain('The connection to Redis failed', error);
    this.#isFailing = true;
  }
}
