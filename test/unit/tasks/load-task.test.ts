import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTask } from '../../../src/tasks/load-task.js';

let folder: string;
const urlOf = (file: string) => pathToFileURL(join(folder, file)).href;
const files: Record<string, string> = {
  'both.js': "export const who = () => 'JavaScript';",
  'both.ts': "export const who = (): string => 'TypeScript';",
  'common.cjs': "module.exports = { ['wh' + 'o']: () => 'CommonJS' };",
  'empty.mjs': '',
  'broken.mjs': "throw 'not today';",
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'niceq-'));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = async (url: string) => (await loadTask(url, 'who'))();
const fixture = (file: string) => new URL(`./fixtures/${file}`, import.meta.url).href;

describe('A task is loaded', () => {
  test('from JavaScript, also where there is TypeScript beside it', async () => {
    expect(await run(urlOf('both.js'))).toBe('JavaScript');
  });

  test('from CommonJS, also if its exports can not be guessed', async () => {
    expect(await run(urlOf('common.cjs'))).toBe('CommonJS');
  });

  test('from TypeScript, by its own name or that of the JavaScript that was never made of it', async () => {
    expect(await run(fixture('only.ts'))).toBe('TypeScript');
    expect(await run(fixture('only.js'))).toBe('TypeScript');
  });

  test('from no file', async () => {
    const url = "data:text/javascript,export const who = () => 'data'";
    expect(await run(url)).toBe('data');
  });
});

describe('A task module is refused, with the reason', () => {
  test.each([
    ['nowhere.js', /nowhere\.js can't be loaded: /],
    ['empty.mjs', /empty\.mjs has no export `who`: it exports no functions$/],
    ['broken.mjs', /broken\.mjs can't be loaded: not today$/],
  ])('%s', async (file, message) => {
    await expect(run(urlOf(file))).rejects.toMatchObject({
      code: 'ERR_TASK_MODULE',
      message: expect.stringMatching(message),
    });
  });
});
