import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import getPort from 'get-port';

/** Another program, which has said that it is ready. */
export class Program {
  readonly #child: ChildProcess;
  readonly #end: Promise<unknown[]>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#end = once(child, 'exit');
  }

  /** Resolves when it has written `ready`. */
  static async start(file: string, args: readonly string[], ready: string, env = process.env): Promise<Program> {
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child, 'spawn');
    const program = new Program(child);
    const lines = createInterface({ input: child.stdout });
    const said = new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        if (line.includes(ready)) resolve();
      });
    });
    const failed = program.#end.then(([code, signal]) => {
      throw new Error(`${file} ended with ${signal ?? code} before it was ready`);
    });
    await Promise.race([said, failed]);
    failed.catch(() => {});
    return program;
  }

  /** Resolves when it has ended. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#end;
  }
}

/** A Redis with nothing in it, on a port of its own. */
export async function startRedis(): Promise<{ url: string; end(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'niceq-cluster-'));
  const port = await getPort({ host: '127.0.0.1' });
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  try {
    const redis = await Program.start('redis-server', args, 'Ready to accept connections');
    const end = async () => {
      await redis.kill('SIGTERM');
      await rm(folder, { recursive: true });
    };
    return { url: `redis://127.0.0.1:${port}`, end };
  } catch (cause) {
    await rm(folder, { recursive: true });
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new Error('There is no redis-server: install it, with `apt-get install redis-server` for example', { cause });
  }
}

const command = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** What another machine would run. Its tasks find its name in their environment. */
export function startServer(name: string, redis: string, module: URL, threads: number): Promise<Program> {
  const args = [command, 'serve', '--name', 'render', '--threads', String(threads), fileURLToPath(module)];
  return Program.start(process.execPath, args, 'Serving', { ...process.env, REDIS_URL: redis, SERVER: name });
}
