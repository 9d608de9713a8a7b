import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { Redis } from 'ioredis';
import { Program } from '../../../examples/cluster/programs.js';

/** Whether there is a Redis to test against. */
export const hasRedis = process.env.REDIS_URL !== undefined || isInstalled();

if (!hasRedis) {
  console.warn('SKIPPED: the tests of niceq/bullmq, as there is no redis-server in PATH and REDIS_URL is not set');
}

function isInstalled(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A redis-server of a test's own, which may be killed and started again on the same port, with the same data. */
export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #folder: string;
  readonly #args: readonly string[];
  #program!: Program;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#args = args;
    this.#folder = mkdtempSync(join(tmpdir(), 'niceq-redis-'));
  }

  static async start(...args: string[]): Promise<RedisServer> {
    const redis = new RedisServer(await getPort({ host: '127.0.0.1' }), args);
    await redis.start();
    return redis;
  }

  async start(): Promise<void> {
    const usual = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''];
    this.#program = await Program.start('redis-server', [...usual, ...this.#args], 'Ready to accept connections');
  }

  /** Ends it without a word, as a power cut would. */
  async kill(): Promise<void> {
    await this.#program.kill('SIGKILL');
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The Redis that tests share: the one of REDIS_URL, or one started for them. */
export class SharedRedis {
  readonly url: string;
  /** What all keys of these tests begin with. */
  readonly prefix = `niceq-test-${process.pid}-${Date.now()}`;
  readonly client: Redis;
  readonly #server: RedisServer | null;

  private constructor(url: string, server: RedisServer | null) {
    this.url = url;
    this.#server = server;
    this.client = new Redis(url);
  }

  static async open(): Promise<SharedRedis> {
    const { REDIS_URL } = process.env;
    if (REDIS_URL !== undefined) return new SharedRedis(REDIS_URL, null);
    const server = await RedisServer.start();
    return new SharedRedis(server.url, server);
  }

  /** What there is of these tests. */
  async keys(): Promise<string[]> {
    return (await this.client.keys(`${this.prefix}:*`)).sort();
  }

  async close(): Promise<void> {
    const keys = await this.keys();
    if (keys.length > 0) await this.client.del(...keys);
    this.client.disconnect();
    await this.#server?.end();
  }
}
