import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFolder, outputsIn, root, runProgram, typeCheck } from './programs.js';
import { Command } from './remote/command.js';
import { hasRedis, RedisServer } from './remote/redis.js';

interface Block {
  /** Where it begins, to find it by. */
  line: number;
  /** What stands behind the language: `ignore` and why. */
  tag: string;
  /** From a first line `// name.ts`, or made up. */
  file: string;
  code: string;
  /** The lines it is to print, if it says so. */
  output: string[];
}

/** The ts and js blocks of a Markdown text. */
function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```(ts|js)\b *(.*)\n([\s\S]*?)^```$/gm)].map((match, number) => {
    const [, language = '', tag = '', code = ''] = match;
    return {
      line: text.slice(0, match.index).split('\n').length,
      tag,
      file: /^\/\/ (\S+\.[jt]s)\n/.exec(code)?.[1] ?? `block-${number}.${language}`,
      code,
      output: [...outputsIn(code), ...outputAfter(text, match.index + match[0].length)],
    };
  });
}

/** What stands in the next block, if that is tagged as output. */
function outputAfter(text: string, index: number): string[] {
  const [, tag, output = ''] = /\n```(.+)\n([\s\S]*?)\n```\n/.exec(text.slice(index)) ?? [];
  return tag === 'text output' ? output.split('\n') : [];
}

const blocks = blocksOf(readFileSync(join(root, 'README.md'), 'utf8'));
const ignored = blocks.filter(({ tag }) => tag !== '');
const written = blocks.filter(({ tag }) => tag === '');
const modules = written.filter(({ file }) => file.includes('.tasks.'));
const programs = written.filter((block) => !modules.includes(block));

describe('README.md', () => {
  const folder = openFolder();
  const env: NodeJS.ProcessEnv = {};
  const ends = [async () => folder.remove()];

  beforeAll(async () => {
    for (const { file, code } of written) writeFileSync(join(folder.path, file), code);
    if (hasRedis) await startServer();
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  /** Runs what the shell commands of "Past one machine" run. */
  async function startServer(): Promise<void> {
    const redis = await RedisServer.start();
    ends.push(() => redis.end());
    env.REDIS_URL = redis.url;
    const server = new Command(
      ['serve', '--name', 'words', '--threads', '1', join(folder.path, 'words.tasks.ts')],
      env,
    );
    ends.push(async () => {
      server.kill('SIGTERM');
      await server.end;
    });
    await server.says('Serving');
  }

  it('says why a block is not run', () => {
    for (const { tag } of ignored) expect(tag).toMatch(/^ignore: \S/);
  });

  it('has programs, each in a file of its own', () => {
    expect(programs.length).toBeGreaterThan(10);
    expect(new Set(written.map(({ file }) => file)).size).toBe(written.length);
  });

  it('uses each of its task modules', () => {
    for (const { file } of modules) {
      const name = file.replace(/\.ts$/, '.js');
      expect(programs.some(({ code }) => code.includes(`'./${name}'`))).toBe(true);
    }
  });

  it('passes the type checker', { timeout: 90_000 }, async () => {
    const files = written.filter(({ file }) => file.endsWith('.ts')).map(({ file }) => file);
    expect(await typeCheck(folder.path, files)).toEqual({ end: 0, stdout: '', stderr: '' });
  });

  describe.concurrent('runs', { timeout: 90_000 }, () => {
    it.each(programs.filter(({ code }) => hasRedis || !code.includes('REDIS_URL')))(
      'the block of line $line',
      async ({ file, output }) => {
        const { end, stdout, stderr } = await runProgram(folder.path, file, env);
        expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
        if (output.length > 0) expect(stdout.trimEnd().split('\n')).toEqual(output);
      },
    );
  });
});
