import { TaskQueue } from 'niceq';
import { BullWorker, type BullWorkerOptions } from 'niceq/bullmq';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { tasks } from '../conformance/conformance.js';
import { Gate } from '../conformance/gate.js';
import { RedisServer, SharedRedis } from './redis.js';
import { ServerProcess, type ServerProcessOptions } from './server-process.js';

/** What servers run, by key. */
export const modules = {
  tasks: tasks.add.url,
  streams: new URL('../fixtures/streams.tasks.mjs', import.meta.url).href,
};

/** What a user of Redis may do who may do everything. */
export const everything = ['~*', '&*', '+@all'];

/** Whoever is missing for so long is gone, in milliseconds. */
const grace = 1500;
const impatient = { grace, lockDuration: 1500, stalledInterval: 500 };

/** What each test has that is about callers and servers. */
export class Scene {
  /** The Redis that the tests of a file share. */
  redis!: SharedRedis;
  /** Where tasks of this test wait. */
  gate!: Gate;
  /** The name that its callers and servers have in common, and where they meet. */
  base!: { name: string; connection: string; prefix: string };
  /** What is to be ended after it, the last first. */
  readonly ends: (() => Promise<unknown>)[] = [];

  /** Has callers and servers meet at a Redis of this test's own. */
  async ownRedis(...args: string[]): Promise<RedisServer> {
    const own = await RedisServer.start(...args);
    this.ends.push(() => own.end());
    this.base = { ...this.base, connection: own.url };
    return own;
  }

  /** The connection of a user of this test, who from now on may do so much. */
  async userWith(...rules: string[]): Promise<string> {
    const { client } = this.redis;
    const { name, connection } = this.base;
    await client.acl('SETUSER', name, 'reset', 'on', '>secret', ...rules);
    this.ends.push(() => client.acl('DELUSER', name));
    return Object.assign(new URL(connection), { username: name, password: 'secret' }).href;
  }

  async startServer(options: Partial<ServerProcessOptions> = {}): Promise<ServerProcess> {
    const server = await ServerProcess.start({ ...this.base, ...impatient, modules, ...options });
    this.ends.push(() => server.kill());
    return server;
  }

  async openQueue(options: Partial<BullWorkerOptions> = {}): Promise<TaskQueue> {
    const queue = new TaskQueue();
    this.ends.push(() => queue.shutdown({ mode: 'crash' }));
    await queue.attachWorker(new BullWorker({ ...this.base, grace, ...options }));
    return queue;
  }

  /** Resolves when so many tasks wait in Redis. */
  async waitingFor(size: number, client = this.redis.client): Promise<void> {
    const key = `${this.base.prefix}:${this.base.name}:`;
    for (let looks = 0; looks < 100_000; looks++) {
      if ((await client.llen(`${key}wait`)) + (await client.zcard(`${key}prioritized`)) === size) return;
    }
    throw new Error(`There were never ${size} tasks that waited`);
  }

  async end(): Promise<void> {
    this.gate.close();
    for (const end of this.ends.splice(0).reverse()) await end();
  }
}

/** Sets the scene for every test of a `describe`; `name` begins the names of their callers and servers. */
export function setScene(name: string): Scene {
  const scene = new Scene();
  let count = 0;
  beforeAll(async () => {
    scene.redis = await SharedRedis.open();
  });
  afterAll(() => scene.redis.close());
  beforeEach(async () => {
    const { url, prefix } = scene.redis;
    scene.gate = await Gate.create();
    scene.base = { name: `${name}-${++count}`, connection: url, prefix };
  });
  afterEach(() => scene.end());
  return scene;
}
