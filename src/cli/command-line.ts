import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { moduleKey } from '../bullmq/module-key.js';
import { isRedisUrl, REDIS_URL, withoutSecrets } from '../bullmq/redis-url.js';
import { MAX_DURATION } from '../check.js';

/** What `niceq serve` is told. */
export interface ServeCommand {
  readonly name: string;
  /** The URL of Redis. */
  readonly redis: string;
  readonly prefix: string | undefined;
  readonly threads: number;
  readonly processes: number;
  readonly concurrency: number;
  /** Milliseconds; undefined: no limit. */
  readonly closeTimeout: number | undefined;
  /** URLs by key. */
  readonly modules: Readonly<Record<string, string>>;
}

/** Something wrong with the command line; the message names the argument, the value and what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Command = ServeCommand | 'help' | 'help serve' | 'version';

/** Throws UsageError. */
export function parseCommandLine(args: readonly string[], env: NodeJS.ProcessEnv): Command {
  const [command, ...rest] = args;
  switch (command) {
    case undefined:
      throw new UsageError('Expected a command: `serve`');
    case '-h':
    case '--help':
      return 'help';
    case '-v':
    case '--version':
      return 'version';
    case 'serve':
      return parseServe(rest, env);
    default:
      throw new UsageError(`Expected the command to be \`serve\`, got \`${command}\``);
  }
}

function parseServe(args: readonly string[], env: NodeJS.ProcessEnv): Command {
  const { values, positionals } = parse(args);
  if (values.help) return 'help serve';
  const processes = integer('--processes', values.processes ?? '0', 0, 1024);
  const cores = processes === 0 ? availableParallelism() : 0;
  const threads = values.threads === undefined ? cores : integer('--threads', values.threads, 0, 1024);
  if (threads + processes === 0) {
    throw new UsageError(
      'Expected `--threads` or `--processes` to be 1 or more, got 0 of both: nothing would run tasks',
    );
  }
  return {
    name: nameOf(values.name),
    redis: redisOf(values.redis, env),
    prefix: values.prefix,
    threads,
    processes,
    concurrency: integer('--concurrency', values.concurrency, 1, Number.MAX_SAFE_INTEGER),
    closeTimeout:
      values['close-timeout'] === undefined
        ? undefined
        : integer('--close-timeout', values['close-timeout'], 0, MAX_DURATION),
    modules: modulesOf(positionals),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        redis: { type: 'string' },
        prefix: { type: 'string' },
        threads: { type: 'string' },
        processes: { type: 'string' },
        concurrency: { type: 'string', default: '1' },
        'close-timeout': { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function nameOf(name: string | undefined): string {
  if (name === undefined)
    throw new UsageError('Expected `--name NAME`, under which callers find this server, got none');
  if (name === '' || name.includes(':')) {
    throw new UsageError(`Expected \`--name\` to be a name without a colon, got \`${name}\``);
  }
  return name;
}

function redisOf(option: string | undefined, env: NodeJS.ProcessEnv): string {
  const [from, url] = option === undefined ? ['REDIS_URL', env.REDIS_URL] : ['--redis', option];
  if (url === undefined || (url === '' && option === undefined)) {
    throw new UsageError(
      'Expected `--redis URL` or the environment variable REDIS_URL, as redis://host:6379, got neither',
    );
  }
  if (!isRedisUrl(url)) {
    throw new UsageError(`Expected \`${from}\` to be ${REDIS_URL}, got \`${withoutSecrets(url)}\``);
  }
  return url;
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : -1;
  if (value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} up` : `${min} to ${max}`;
  throw new UsageError(`Expected \`${name}\` to be a whole number from ${range}, got \`${text}\``);
}

function modulesOf(positionals: readonly string[]): Record<string, string> {
  if (positionals.length === 0) {
    throw new UsageError('Expected a module with tasks, as `render=./dist/render.tasks.js`, got none');
  }
  const modules = new Map<string, string>();
  for (const text of positionals) {
    // What stands before the first `=` is a key, unless it is part of a path.
    const [, given, file] = /^([^/\\=]+)=(.*)$/s.exec(text) ?? [undefined, undefined, text];
    const url = urlOf(text, file as string);
    const key = given ?? moduleKey(url);
    if (modules.has(key)) {
      throw new UsageError(
        `Expected each module to have a key of its own, got \`${key}\` twice: give \`${text}\` another one, as \`KEY=FILE\``,
      );
    }
    modules.set(key, url);
  }
  return Object.fromEntries(modules);
}

/** The URL of a file that is there, or whose TypeScript source is. */
function urlOf(text: string, file: string): string {
  const path = resolve(file);
  const isThere = [path, path.replace(/js$/, 'ts')].some((one) => existsSync(one) && statSync(one).isFile());
  if (file === '' || !isThere)
    throw new UsageError(`Expected \`${text}\` to be a module, but there is no file ${path}`);
  return pathToFileURL(path).href;
}
