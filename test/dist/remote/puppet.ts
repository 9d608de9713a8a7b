import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { decode } from '../../../src/bullmq/codec.js';
import { type Calls, type Message, type Reports, write } from '../../../src/bullmq/protocol.js';
import type { Scene } from './scene.js';

/** A server that runs nothing, and says to the only caller what a test has it say. */
export class Puppet {
  readonly id = `puppet-${randomUUID()}`;
  readonly #client: Redis;
  readonly #reader: Redis;
  readonly #prefix: string;
  #caller = '';
  #last = '0-0';
  readonly #heard: unknown[][] = [];

  private constructor(scene: Scene) {
    this.#client = scene.redis.client;
    this.#reader = this.#client.duplicate();
    this.#prefix = `${scene.base.prefix}:${scene.base.name}`;
    scene.ends.push(async () => this.#reader.disconnect());
  }

  /** Enters when the caller has. */
  static async enter(scene: Scene): Promise<Puppet> {
    const puppet = new Puppet(scene);
    const listener = puppet.#client.duplicate();
    scene.ends.push(async () => listener.disconnect());
    await listener.subscribe(puppet.key(`presence:${puppet.id}`));
    const [caller] = await puppet.#client.hkeys(puppet.key('members'));
    puppet.#caller = caller as string;
    await puppet.#client.xadd(puppet.key(`inbox:${puppet.id}`), '*', '0', '');
    await puppet.#client.hset(puppet.key('members'), puppet.id, 'server');
    return puppet;
  }

  key(rest: string): string {
    return `${this.#prefix}:${rest}`;
  }

  async say(report: Message<Reports>): Promise<void> {
    await this.tell(report[1], write<Reports>(report));
  }

  async tell(job: number, message: string): Promise<void> {
    await this.#client.xadd(this.key(`inbox:${this.#caller}`), '*', String(job), message);
  }

  /** Tells the caller what is for no inbox. */
  async call(call: Message<Calls>): Promise<void> {
    await this.#client.publish(this.key(`presence:${this.#caller}`), write<Calls>(call));
  }

  /** Has Redis drop the caller's inbox. */
  async dropInbox(): Promise<void> {
    await this.#client.del(this.key(`inbox:${this.#caller}`));
  }

  /** Says that it has begun a task. */
  async begin(job: number): Promise<void> {
    await this.say(['started', job, this.id, Date.now()]);
  }

  /** Takes the job of a task, as BullMQ would. */
  async take(job: number): Promise<void> {
    while ((await this.#client.zrem(this.key('prioritized'), `${this.#caller}-${job}`)) === 0);
  }

  /** The next that the caller says. */
  async hear(): Promise<unknown[]> {
    while (this.#heard.length === 0) {
      const streams = await this.#reader.xread('BLOCK', 0, 'STREAMS', this.key(`inbox:${this.id}`), this.#last);
      for (const [id, fields] of streams?.[0]?.[1] ?? []) {
        this.#last = id;
        for (let i = 1; i < fields.length; i += 2) {
          if (fields[i] !== '') this.#heard.push(decode(fields[i] as string) as unknown[]);
        }
      }
    }
    return this.#heard.shift() as unknown[];
  }
}
