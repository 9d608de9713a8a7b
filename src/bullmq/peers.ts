import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** An optional peer, or an error that says what to install. */
function load<T>(name: string): T {
  try {
    return require(name) as T;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw cause;
    const message =
      'niceq/bullmq needs the packages bullmq and ioredis: install them with `npm install bullmq ioredis`';
    throw new Error(message, { cause });
  }
}

export const { Queue, Worker } = load<typeof import('bullmq')>('bullmq');
export const { Redis } = load<typeof import('ioredis')>('ioredis');
