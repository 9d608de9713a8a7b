import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import getPort from 'get-port';

export function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Lives as long as this process. */
function endWithUs(child: ChildProcess, more = () => {}): void {
  process.once('exit', () => {
    child.kill('SIGKILL');
    more();
  });
}

/** Starts a Redis of a candidate's own, and returns its port. */
export async function startRedis(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'niceq-bench-'));
  const port = await getPort({ host: '127.0.0.1' });
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const redis = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  endWithUs(redis, () => rmSync(folder, { recursive: true, force: true }));
  for await (const chunk of redis.stdout) if (String(chunk).includes('Ready to accept')) break;
  return port;
}

/** Starts a process of workers/ that serves a Redis, `concurrency` tasks at a time. */
export async function startServer(file: string, port: number, concurrency: number): Promise<void> {
  const path = fileURLToPath(new URL(`../workers/${file}`, import.meta.url));
  const server = fork(path, [String(port), String(concurrency)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  endWithUs(server);
  await once(server, 'message');
}
