import { fileURLToPath } from 'node:url';
import type { Exposure, View } from '../examples/mandelbrot/fractal.js';

export type Bytes = Uint8Array<ArrayBuffer>;

/** What a pool of workers is asked to do, whichever it is. The workers' side is in workers/. */
export interface Pool {
  /** Returns n + 1. */
  increment(n: number): Promise<number>;
  echo(value: unknown): Promise<unknown>;
  /** Like `echo`, but moves the bytes both ways where the pool can do that. */
  handOver(bytes: Bytes): Promise<unknown>;
  /** Paints rows of a picture. */
  paint(view: View, exposure: Exposure, from: number, to: number): Promise<Bytes>;
}

/** Loads a library, which nobody does who does not measure it, and returns what opens a pool of so many workers. */
export type LoadPool = () => Promise<(size: number) => Pool>;

export type Kind = 'thread' | 'process';

export const workerFile = (name: string): URL => new URL(`../workers/${name}`, import.meta.url);
const pathOf = (name: string): string => fileURLToPath(workerFile(name));

// As `never`: piscina and tinypool take its type from the last overload of postMessage, which is about something else.
const listOf = (...bytes: Bytes[]): never => bytes.map(({ buffer }) => buffer) as never;

/** All of them, for threads or for processes. Piscina has no processes. */
export function poolsOf(kind: Kind): Record<string, LoadPool> {
  const isThread = kind === 'thread';
  const pools: Record<string, LoadPool> = {
    niceq: async () => {
      const { ProcessQueue, ThreadQueue, taskModule } = await import('./niceq.js');
      // Two modules, as peers have: the one that needs the library is not loaded by who only counts.
      const plain = taskModule<typeof import('./workers/tasks.mjs')>(workerFile('tasks.mjs'));
      const tasks = taskModule<typeof import('./workers/niceq.mjs')>(workerFile('niceq.mjs'));
      return (size) => {
        const queue = isThread ? new ThreadQueue({ threads: size }) : new ProcessQueue({ processes: size });
        return {
          increment: (n) => queue.call(plain.increment, [n]),
          echo: (value) => queue.call(plain.echo, [value]),
          handOver: (bytes) => queue.call(tasks.handOver, [bytes], { transfer: [bytes.buffer] }),
          paint: (...args) => queue.call(tasks.paint, args),
        };
      };
    },
    tinypool: async () => {
      const { Tinypool } = await import('tinypool');
      return (size) => {
        const pool = new Tinypool({
          filename: workerFile('tasks.mjs').href,
          minThreads: size,
          maxThreads: size,
          runtime: isThread ? 'worker_threads' : 'child_process',
        });
        return {
          increment: (n) => pool.run(n, { name: 'increment' }),
          echo: (value) => pool.run(value, { name: 'echo' }),
          handOver: (bytes) => pool.run(bytes, { name: 'echo', transferList: isThread ? listOf(bytes) : listOf() }),
          paint: (...args) => pool.run(args, { name: 'paintAll' }),
        };
      };
    },
    workerpool: async () => {
      const { pool: open } = await import('workerpool');
      return (size) => {
        const pool = open(pathOf('workerpool.mjs'), {
          workerType: kind,
          minWorkers: size,
          maxWorkers: size,
        });
        return {
          increment: async (n) => await pool.exec('increment', [n]),
          echo: async (value) => await pool.exec('echo', [value]),
          handOver: async (bytes) => await pool.exec('handOver', [bytes], isThread ? { transfer: [bytes.buffer] } : {}),
          paint: async (...args) => await pool.exec('paint', args),
        };
      };
    },
    poolifier: async () => {
      const { FixedClusterPool, FixedThreadPool } = await import('poolifier');
      return (size) => {
        const pool = isThread
          ? new FixedThreadPool(size, pathOf('poolifier-thread.mjs'))
          : new FixedClusterPool(size, pathOf('poolifier-process.cjs'));
        return {
          increment: async (n) => (await pool.execute(n, 'increment')) as number,
          echo: (value) => pool.execute(value, 'echo'),
          handOver: (bytes) => pool.execute(bytes, 'echo', undefined, isThread ? [bytes.buffer] : undefined),
          paint: async (...args) => (await pool.execute(args, 'paintAll')) as Bytes,
        };
      };
    },
    'jest-worker': async () => {
      const { Worker } = await import('jest-worker');
      const exposedMethods = ['increment', 'echo', 'paint'] as const;
      return (size) => {
        const pool = new Worker(pathOf('tasks.mjs'), {
          numWorkers: size,
          enableWorkerThreads: isThread,
          exposedMethods,
        }) as InstanceType<typeof Worker> & Omit<Pool, 'handOver'>;
        return {
          increment: (n) => pool.increment(n),
          echo: (value) => pool.echo(value),
          handOver: (bytes) => pool.echo(bytes),
          paint: (...args) => pool.paint(...args),
        };
      };
    },
  };
  if (!isThread) return pools;
  const { niceq, ...peers } = pools;
  return {
    niceq: niceq as LoadPool,
    piscina: async () => {
      const { Piscina } = await import('piscina');
      return (size) => {
        const pool = new Piscina({ filename: workerFile('piscina.mjs').href, minThreads: size, maxThreads: size });
        return {
          increment: (n) => pool.run(n, { name: 'increment' }),
          echo: (value) => pool.run(value, { name: 'echo' }),
          handOver: (bytes) => pool.run(bytes, { name: 'handOver', transferList: listOf(bytes) }),
          paint: (...args) => pool.run(args, { name: 'paintAll' }),
        };
      };
    },
    ...peers,
  };
}
