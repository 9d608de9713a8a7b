import { randomUUID } from 'node:crypto';
import type { Redis as Client } from 'ioredis';
import { hasLeft, leaveAtExit } from './at-exit.js';
import { Connections, type ConnectionsSettings } from './connections.js';
import { Inbox } from './inbox.js';
import { Keys } from './keys.js';
import { Post } from './post.js';
import { type Calls, calls, type Message, read, write } from './protocol.js';
import { leave, sweep } from './sweep.js';
import { areThere, Watch } from './watch.js';

/** How long Redis may take to hear that a member leaves, in milliseconds: it may not answer at all. */
const GOODBYE = 5000;

/** How often a server looks for what others have left, in times of `grace`. */
const SWEEPS = 2;

export type Role = 'caller' | 'server';

/** What a member is told, once it has entered. */
export interface MemberOwner {
  /** A message from another one, about this task. */
  receive(job: number, message: string): void;
  /** What this one had to say of these tasks to another one, or that one to this, was refused by Redis. */
  refused(member: string, jobs: readonly number[], why: string): void;
  /** A server has come. */
  arrived?(server: string): void;
  /**
   * The connection is back, with whatever happened meanwhile, or the inbox. `wasForgotten`: what the others had to say to
   * this one is lost, as they took it for gone, or Redis has forgotten it.
   */
  reconnected?(wasForgotten: boolean): void;
}

export interface MemberSettings extends ConnectionsSettings {
  /** How long another one may be missing before it counts as gone, in milliseconds. */
  readonly grace: number;
}

/**
 * One caller or server, as the others know it: it has an id, an inbox, and is there as long as it listens to its channel.
 */
export class Member {
  readonly id = randomUUID();
  readonly keys: Keys;
  readonly watch: Watch;
  readonly #post: Post;
  readonly #role: Role;
  #owner: MemberOwner | null = null;
  readonly #settings: MemberSettings;
  readonly #connections: Connections;
  readonly #inbox: Inbox;
  #restoring: Promise<void> | null = null;
  #reading: Promise<void> | null = null;
  #sweeping: NodeJS.Timeout | undefined;
  #leaving: Promise<void> | null = null;
  /** Whether it is about to end. */
  isLeaving = false;

  private constructor(role: Role, settings: MemberSettings) {
    this.#role = role;
    this.#settings = settings;
    this.keys = new Keys(settings.prefix, settings.name);
    this.#connections = new Connections(settings);
    const { listener, reader } = this.#connections;
    this.watch = new Watch(this.client, this.keys, settings.grace);
    this.#post = new Post(this.client, this.keys, (member, jobs, error) => void this.#refused(member, jobs, error));
    this.#inbox = new Inbox(this.client, reader, this.keys.inbox(this.id), {
      receive: (job, message) => this.#owner?.receive(job, message),
      idle: () => void this.#restore(),
    });
    listener.on('message', (channel: string, text: string) => {
      if (channel === this.keys.arrivals) this.#owner?.arrived?.(text);
      else this.#called(text);
    });
  }

  /** Connects. Throws why that is not possible. */
  static async connect(role: Role, settings: MemberSettings): Promise<Member> {
    const member = new Member(role, settings);
    await member.#connections.connect();
    return member;
  }

  /** For commands, which wait while it is down. */
  get client(): Client {
    return this.#connections.client;
  }

  get isConnected(): boolean {
    return this.#connections.isConnected;
  }

  /** Joins the others: from now on they know it, and it hears of them. */
  async enter(owner: MemberOwner): Promise<void> {
    this.#owner = owner;
    if (!this.#settings.isRef) leaveAtExit(this);
    await this.#listen();
    await this.#inbox.make();
    await this.#register();
    this.#reading = this.#inbox.read();
    this.#connections.listener.on('ready', () => void this.#rejoin());
    await this.#announce();
    void this.#keepSwept();
  }

  /** Puts a message into the inbox of another one. */
  send(member: string, job: number, message: string): void {
    this.#post.send(member, job, message);
  }

  /** Resolves when all that was sent before is on its way to Redis. */
  written(): Promise<void> {
    return this.#post.written();
  }

  /** Resolves when all that is in its inbox now was received. Throws if that can't be found out. */
  received(): Promise<void> {
    return this.#inbox.received();
  }

  /** Asks Redis until it answers. Null if this one leaves before. */
  insist<T>(ask: () => Promise<T>): Promise<T | null> {
    return this.#connections.insist(ask);
  }

  /** Those of a role that are there now. None if this one leaves before Redis tells. */
  async present(role: Role): Promise<string[]> {
    return (await this.insist(() => this.#present(role))) ?? [];
  }

  async #present(role: Role): Promise<string[]> {
    const all = Object.entries(await this.client.hgetall(this.keys.members));
    const members = all.filter(([, one]) => one === role).map(([member]) => member);
    const are = await areThere(this.client, this.keys, members);
    return members.filter((_, i) => are[i]);
  }

  /** Another one was found to be gone: nobody reads its inbox any more. */
  async forget(member: string): Promise<void> {
    await sweep(this.client, this.keys, [member]).catch((error) => {
      if (this.isConnected)
        this.#connections.complain('What is left of a member that is gone could not be removed', error);
    });
  }

  /** Leaves the others. With the last one nothing stays in Redis but the kept updates. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    this.isLeaving = true;
    hasLeft(this);
    clearTimeout(this.#sweeping);
    this.#connections.conclude();
    this.#inbox.close();
    await this.#reading;
    if (this.isConnected) {
      // Whom the others miss is waited for as long as `grace`.
      const timer = setTimeout(() => this.disconnect(), this.#settings.grace + GOODBYE);
      // What can't be cleaned up now is cleaned up by the others.
      await this.#sayGoodbye().catch((error) => {
        if (this.isConnected) this.#settings.logger?.warn('Not all could be removed from Redis', error);
      });
      clearTimeout(timer);
    }
    this.disconnect();
  }

  /** Ends at once, whatever may be left in Redis. */
  disconnect(): void {
    this.watch.close();
    this.#inbox.close();
    this.#connections.disconnect();
  }

  /** Does not wait for a Redis that is away, or that goes away from now on. */
  endWithConnection(): void {
    if (this.isConnected) this.client.once('close', () => this.disconnect());
    else this.disconnect();
  }

  async #listen(): Promise<void> {
    await this.#connections.listener.subscribe(this.keys.presence(this.id), this.keys.arrivals);
  }

  async #register(): Promise<void> {
    await this.client.hset(this.keys.members, this.id, this.#role);
  }

  /** Tells callers that wait for a server. */
  async #announce(): Promise<void> {
    if (this.#role === 'server') await this.client.publish(this.keys.arrivals, this.id);
  }

  async #rejoin(): Promise<void> {
    let wasForgotten = false;
    await this.insist(async () => {
      // Who listens can't be forgotten any more; before that it may be.
      await this.#listen();
      await this.#register();
      if (await this.#inbox.make()) wasForgotten = true;
      // While it was away somebody may have found no server.
      await this.#announce();
    });
    if (!this.isLeaving) this.#owner?.reconnected?.(wasForgotten);
  }

  /** Redis may have dropped the inbox, which the connection does not tell. */
  #restore(): Promise<void> {
    let wasMade = false;
    const restore = async () => {
      if (await this.#inbox.make()) wasMade = true;
      if (!wasMade) return;
      // Who has dropped it may have dropped everything.
      await this.#register();
      await this.#announce();
    };
    this.#restoring ??= this.insist(restore).then(() => {
      this.#restoring = null;
      if (wasMade && !this.isLeaving) this.#owner?.reconnected?.(true);
    });
    return this.#restoring;
  }

  /** Tells both ends, as one waits for what the other one says. `error` is null if the other one has no inbox. */
  async #refused(member: string, jobs: number[], error: Error | null): Promise<void> {
    if (error !== null) this.#connections.complain('Redis refused a message', error);
    const why = error?.message ?? 'there is no inbox';
    const telling = this.insist(() => this.#call(member, ['refused', this.id, jobs, why]));
    // Who is gone has none, and whoever waits for it hears that from the watch.
    if (error !== null || (await telling)) this.#owner?.refused(member, jobs, why);
  }

  /** Tells a member what its inbox does not take. False if it is gone. */
  async #call(member: string, call: Message<Calls>): Promise<boolean> {
    for (;;) {
      if ((await this.client.publish(this.keys.presence(member), write<Calls>(call))) > 0) return true;
      // It may only be away for a moment.
      if ((await this.watch.gone([member])).length > 0) return false;
    }
  }

  #called(text: string): void {
    try {
      read<Calls>(text, calls, {
        refused: (member, jobs, why) => {
          // What is run again because of this is to find an inbox for what is said of it.
          void this.#restore().then(() => this.#owner?.refused(member, jobs, why));
        },
      });
    } catch (error) {
      this.#connections.complain('A call was dropped that no member can have made', error);
    }
  }

  async #sayGoodbye(): Promise<void> {
    if (await leave(this.client, this.keys, this.id)) return;
    await this.#sweep();
  }

  /** Now and, as servers are fewer than callers, on servers again and again. */
  async #keepSwept(): Promise<void> {
    await this.insist(() => this.#sweep());
    if (this.#role !== 'server' || this.isLeaving) return;
    this.#sweeping = setTimeout(() => void this.#keepSwept(), SWEEPS * this.#settings.grace);
    this.#sweeping.unref();
  }

  /** Some of the others may have died without a word. */
  async #sweep(): Promise<void> {
    const gone = await this.watch.gone(await this.client.hkeys(this.keys.members));
    if (gone.length > 0) await sweep(this.client, this.keys, gone);
  }
}
