import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import * as main from 'niceq';
import * as bullmq from 'niceq/bullmq';
import * as graph from 'niceq/graph';
import * as source from 'niceq/source';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as prelude from './fixtures/tsdoc/prelude.js';
import { openFolder, outputsIn, root, runProgram, typeCheck } from './programs.js';
import { hasRedis, SharedRedis } from './remote/redis.js';

/** What users import, where it is exported, and what of it is there when a program runs. */
const entries: { name: string; path: string; exports: object }[] = [
  { name: 'niceq', path: 'index.ts', exports: main },
  { name: 'niceq/source', path: 'source/index.ts', exports: source },
  { name: 'niceq/graph', path: 'graph/index.ts', exports: graph },
  { name: 'niceq/bullmq', path: 'bullmq/index.ts', exports: bullmq },
];

const fixtures = fileURLToPath(new URL('./fixtures/tsdoc/', import.meta.url));
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
);

interface Example {
  /** What is documented: a class, function, interface or method. */
  name: string;
  /** Without its extension. */
  file: string;
  /** `ignore` and why, of one that can't be run. */
  tag: string;
  code: string;
}

/** The examples in the documentation comments of a file, each with the name of what follows. */
function examplesIn(path: string): Example[] {
  const text = readFileSync(join(root, 'src', path), 'utf8');
  const comments = text.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*?@example(?:(?!\*\/)[\s\S])*)\*\/\s*(?:export )?(?:abstract |async |class |function |interface )*(\w+)/g,
  );
  return [...comments].flatMap(([, comment = '', name = '']) => {
    const lines = comment.replace(/^ *\* ?/gm, '');
    return [...lines.matchAll(/@example\n```ts *(.*)\n([\s\S]*?)```/g)].map(([, tag = '', code = ''], index) => {
      return { name, tag, code, file: `${path.replace(/\.ts$/, '').replace(/\W/g, '-')}-${name}-${index}` };
    });
  });
}

/** The names that a module with nothing else in it exports, types marked as in an import. */
function exportsOf(path: string): string[] {
  const text = readFileSync(join(root, 'src', path), 'utf8');
  return [...text.matchAll(/export (type )?\{([^}]*)\}/g)].flatMap(([, type = '', list = '']) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => (name.startsWith('type ') ? name : type + name)),
  );
}

const nameOf = (exported: string) => exported.replace('type ', '');

/** An import of what the code uses and does not declare itself. */
function importOf(names: readonly string[], module: string, code: string): string {
  const used = names.filter((name) => {
    const word = nameOf(name);
    return (
      new RegExp(`\\b${word}\\b`).test(code) && !new RegExp(`\\b(?:const|let|class|function\\*?) ${word}\\b`).test(code)
    );
  });
  return used.length === 0 ? '' : `import { ${used.join(', ')} } from '${module}';\n`;
}

const own = new Set(exportsOf('index.ts').map(nameOf));
const modules = [
  // What the others export once more comes from `niceq`.
  ...entries.map(({ name, path }) => ({
    name,
    exports: exportsOf(path).filter((exported) => name === 'niceq' || !own.has(nameOf(exported))),
  })),
  { name: './prelude.js', exports: Object.keys(prelude) },
];
const all = sources.flatMap(examplesIn);
const examples = all.filter(({ tag }) => tag === '');

/** The function that a task module exports is called as a task. */
const argumentsOf: Record<string, unknown[]> = { crawl: [['data:,a', 'data:,b']], render: [3] };

function programOf({ code }: Example): string {
  const imports = modules.map(({ name, exports }) => importOf(exports, name, code));
  const [, task] = /^export (?:async )?function (\w+)/m.exec(code) ?? [];
  return `${imports.join('')}${code}${task === undefined ? '' : callOf(task)}`;
}

/** Calls the function in a thread, once this file is the program and not the module. */
function callOf(task: string): string {
  return `
import { isMainThread } from 'node:worker_threads';
if (isMainThread) {
  const { ThreadQueue, taskModule } = await import('niceq');
  const { ${task}: ref } = taskModule<{ ${task}: typeof ${task} }>(import.meta.url);
  await new ThreadQueue({ threads: 1 }).call(ref, ${JSON.stringify(argumentsOf[task])} as never);
}
`;
}

describe('the examples of the documentation comments', () => {
  const folder = openFolder();

  /** TypeScript for the type checker; JavaScript beside it to run, as that starts faster than tsx. */
  const write = (file: string, code: string) => {
    writeFileSync(join(folder.path, `${file}.ts`), code);
    const { code: javascript } = transformSync(code, { loader: 'ts', format: 'esm', target: 'node20' });
    writeFileSync(join(folder.path, `${file}.js`), javascript);
  };
  beforeAll(() => {
    write('prelude', readFileSync(join(fixtures, 'prelude.ts'), 'utf8'));
    const tasks = readFileSync(join(fixtures, 'tasks.ts'), 'utf8');
    write('tasks', tasks);
    // The example of taskModule names this module.
    write('render.tasks', tasks);
    for (const example of examples) write(example.file, programOf(example));
  });
  afterAll(() => folder.remove());

  it('are all found', () => {
    const count = sources.reduce((sum, path) => {
      return sum + readFileSync(join(root, 'src', path), 'utf8').split('* @example').length - 1;
    }, 0);
    expect(all.length).toBe(count);
  });

  it('say why they can not be run', () => {
    for (const { tag } of all) expect(tag).toMatch(/^$|^ignore: \S/);
  });

  it('show every class and function there is', () => {
    const shown = all.map(({ name }) => name);
    for (const [name, value] of entries.flatMap(({ exports }) => Object.entries(exports))) {
      if (typeof value === 'function') expect(shown).toContain(name);
    }
  });

  it('pass the type checker', { timeout: 90_000 }, async () => {
    expect(
      await typeCheck(
        folder.path,
        examples.map(({ file }) => `${file}.ts`),
      ),
    ).toEqual({ end: 0, stdout: '', stderr: '' });
  });

  describe.concurrent('run', { timeout: 90_000 }, () => {
    let redis: SharedRedis | undefined;
    beforeAll(async () => {
      if (!hasRedis) return;
      redis = await SharedRedis.open();
      process.env.REDIS_URL = redis.url;
    });
    afterAll(() => redis?.close());

    it.each(examples)('$name', async ({ file, code }) => {
      if (!hasRedis && /\bredis\b/.test(code)) return;
      const { end, stdout, stderr } = await runProgram(folder.path, `${file}.js`);
      expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
      const output = outputsIn(code);
      if (output.length > 0) expect(stdout.trimEnd().split('\n')).toEqual(output);
    });
  });
});
