import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withoutSecrets } from '../../../src/bullmq/redis-url.js';
import { parseCommandLine, UsageError } from '../../../src/cli/command-line.js';
import { SERVE_USAGE, USAGE } from '../../../src/cli/usage.js';

let folder: string;
let render: string;
let source: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'niceq-cli-'));
  render = join(folder, 'render.tasks.js');
  source = join(folder, 'not-built.js');
  await mkdir(join(folder, 'a=b'));
  await writeFile(render, '');
  await writeFile(join(folder, 'a=b', 'other.mjs'), '');
  await writeFile(source.replace('.js', '.ts'), '');
});
afterAll(() => rm(folder, { recursive: true }));

const url = (path: string) => pathToFileURL(path).href;
const given = ['--name', 'n', '--redis', 'redis://host'];

function parse(args: string[], env: NodeJS.ProcessEnv = {}) {
  const command = parseCommandLine(['serve', ...args], env);
  if (typeof command === 'string') throw new Error(`It asks for ${command}`);
  return command;
}

describe('the command line of niceq', () => {
  it('runs a thread a core when nothing is said', () => {
    expect(parse([...given, render])).toEqual({
      name: 'n',
      redis: 'redis://host',
      prefix: undefined,
      threads: availableParallelism(),
      processes: 0,
      concurrency: 1,
      closeTimeout: undefined,
      modules: { render: url(render) },
    });
  });

  it('takes options anywhere', () => {
    const args = ['--threads=3', render, '--name=n', '--processes', '2', '--concurrency', '5', '--close-timeout', '0'];
    expect(parse([...args, '--redis', 'rediss://host:1', '--prefix', 'p'])).toMatchObject({
      threads: 3,
      processes: 2,
      concurrency: 5,
      closeTimeout: 0,
      redis: 'rediss://host:1',
      prefix: 'p',
    });
  });

  it('runs no threads beside processes unless told to', () => {
    expect(parse([...given, '--processes', '2', render])).toMatchObject({ threads: 0, processes: 2 });
  });

  it('knows several modules by their keys, which are those of callers', () => {
    const other = join(folder, 'a=b', 'other.mjs');
    expect(parse([...given, `mine=${render}`, `my.v2=${render}`, other, source]).modules).toEqual({
      mine: url(render),
      'my.v2': url(render),
      other: url(other),
      'not-built': url(source),
    });
  });

  it('takes Redis from the environment, where nobody else sees its password', () => {
    const env = { REDIS_URL: 'rediss://user:secret@host' };
    expect(parse(['--name', 'n', render], env).redis).toBe('rediss://user:secret@host');
    expect(parse([...given, render], env).redis).toBe('redis://host');
  });

  it('shows help and version, whatever else is there', () => {
    expect(parseCommandLine(['-h'], {})).toBe('help');
    expect(parseCommandLine(['--help', 'serve'], {})).toBe('help');
    expect(parseCommandLine(['--version'], {})).toBe('version');
    expect(parseCommandLine(['-v'], {})).toBe('version');
    expect(parseCommandLine(['serve', '--help', 'nowhere.js'], {})).toBe('help serve');
  });

  it('mentions every option in the usage', () => {
    for (const option of ['-h, --help', '-v, --version', 'serve']) expect(USAGE).toContain(option);
    const options = ['--name', '--redis', '--prefix', '--threads', '--processes', '--concurrency', '--close-timeout'];
    for (const option of [...options, '-h, --help']) expect(SERVE_USAGE).toContain(option);
  });

  it.each([
    [[], 'Expected a command', '`serve`'],
    [['work'], 'command', '`work`'],
    [['serve'], '--name', 'none'],
    [['serve', '--name', 'a:b', 'x'], '--name', '`a:b`'],
    [['serve', '--name', '', 'x'], '--name', '``'],
    [['serve', '--name', 'n', 'x'], 'REDIS_URL', 'neither'],
    [['serve', '--name', 'n', '--redis', 'host:6379', 'x'], '--redis', '`host:6379`'],
    [['serve', '--name', 'n', '--redis', 'http://host', 'x'], '--redis', '`http://host`'],
    [['serve', '--name', 'n', '--redis', 'redis:', 'x'], '--redis', '`redis:`'],
    [['serve', '--name', 'n', '--redis', '', 'x'], '--redis', '``'],
    [['serve', ...given], 'module', 'none'],
    [['serve', ...given, './nowhere.js'], 'no file', 'nowhere.js'],
    [['serve', ...given, 'key='], 'no file', '`key=`'],
    [['serve', ...given, ''], 'no file', '``'],
    [['serve', ...given, tmpdir()], 'no file', tmpdir()],
    [['serve', ...given, '--threads=-1', 'x'], '--threads', '`-1`'],
    [['serve', ...given, '--threads', 'all', 'x'], '--threads', '`all`'],
    [['serve', ...given, '--threads', '1025', 'x'], '--threads', '`1025`'],
    [['serve', ...given, '--threads', '0', 'x'], '--threads', '0 of both'],
    [['serve', ...given, '--processes', '1.5', 'x'], '--processes', '`1.5`'],
    [['serve', ...given, '--concurrency', '0', 'x'], '--concurrency', '`0`'],
    [['serve', ...given, '--close-timeout', '1s', 'x'], '--close-timeout', '`1s`'],
    [['serve', ...given, '--port', '1', 'x'], '--port', 'Unknown'],
  ])('refuses %j, naming argument and value', (args, name, value) => {
    expect(() => parseCommandLine(args, {})).toThrow(UsageError);
    expect(() => parseCommandLine(args, {})).toThrow(name);
    expect(() => parseCommandLine(args, {})).toThrow(value);
  });

  it('refuses two modules with one key', () => {
    expect(() => parse([...given, render, `render=${source}`])).toThrow('`render` twice');
  });

  it.each([
    ['rediss://user:secret@host:6379/0', 'rediss://host:6379/0'],
    ['redis://host?password=secret', 'redis://host'],
    ['user:secret@host', 'host'],
    ['redis://user:se/cr@et@host', 'redis://host'],
    ['redis://host:6379', 'redis://host:6379'],
  ])('shows of %s no secret', (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown);
  });
});
