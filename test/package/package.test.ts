import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsc = join(root, 'node_modules/typescript/bin/tsc');

interface Outcome {
  /** What it ended with by itself, or the signal that ended it. */
  end: number | string | null;
  stdout: string;
  stderr: string;
}

function run(file: string, args: string[], cwd: string, timeout = 30_000): Promise<Outcome> {
  const env = { ...process.env };
  // Neither vitest's way of running Node nor the npm project this was started from may reach what is run.
  for (const name of Object.keys(env)) {
    if (/^(NODE_OPTIONS|NODE_ENV|VITEST.*|npm_(package|lifecycle)_.*|npm_config_local_prefix)$/.test(name)) {
      delete env[name];
    }
  }
  return new Promise((resolve) => {
    const child = execFile(file, args, { cwd, env, timeout, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      // One that never started has neither a code nor a signal, only the error.
      const end = child.exitCode ?? child.signalCode ?? error?.message ?? null;
      resolve({ end, stdout, stderr });
    });
  });
}

async function mustRun(file: string, args: string[], cwd: string): Promise<string> {
  // npm and npx may have a slow network to wait for.
  const { end, stdout, stderr } = await run(file, args, cwd, file.startsWith('np') ? 240_000 : undefined);
  if (end !== 0) throw new Error(`${file} ${args.join(' ')}: ${end}\n${stdout}${stderr}`);
  return stdout;
}

let folder: string;
let app: string;
let tarball: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'niceq-package-')));
  await mustRun('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], root);
  const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.tgz'));
  tarball = join(folder, name);

  // A path of what file URLs escape: code that builds one by hand fails here.
  app = join(folder, 'my app #1 50%');
  await mkdir(app);
  await cp(fileURLToPath(new URL('fixtures', import.meta.url)), app, { recursive: true });
  await writeFile(join(app, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const nodeTypes = `@types/node@${devDependencies['@types/node']}`;
  await mustRun('npm', ['install', '--no-audit', '--no-fund', tarball, nodeTypes], app);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('the tarball holds what is meant to be published, and nothing else', async () => {
  const listing = await mustRun('tar', ['-tzf', tarball], folder);
  const files = listing
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''));
  const expected = [
    'package.json',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
    'dist/THIRD-PARTY-NOTICES.txt',
    ...['index', 'source', 'graph', 'bullmq'].flatMap((entry) => [
      ...['js', 'js.map', 'cjs', 'cjs.map'].map((end) => `dist/${entry}.${end}`),
      ...['d.ts', 'd.cts'].map((end) => `dist/${entry}.${end}`),
    ]),
    ...['cli.js', 'thread.cjs', 'process.cjs'].flatMap((file) => [`dist/${file}`, `dist/${file}.map`]),
  ];
  // What entries share has a hash in its name.
  const chunk = /^dist\/((chunk|serve-command)-[A-Z0-9]+\.c?js(\.map)?|[\w-]+-[\w-]+\.d\.c?ts)$/;
  expect(files.filter((file) => !chunk.test(file)).sort()).toEqual(expected.sort());
});

test('the notices name every package that was built in', async () => {
  const notices = await readFile(join(app, 'node_modules/niceq/dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
  expect(notices).toMatch(/^p-limit 7\./m);
  expect(notices).toMatch(/^yocto-queue \d/m);
  expect(notices).toMatch(/^devalue \d/m);
  expect(notices.match(/Permission is hereby granted/g)).toHaveLength(3);
});

test('CommonJS exports what ESM exports', async () => {
  const { imported, required } = JSON.parse(await mustRun(process.execPath, ['exports.mjs'], app)) as {
    imported: string[];
    required: string[];
  };
  expect(imported).toContain('TaskQueue');
  expect(required).toEqual(imported);
});

test('npx niceq tells what there is, and what to install for it', async () => {
  expect(await run('npx', ['niceq', '--help'], app)).toMatchObject({
    end: 0,
    stdout: expect.stringContaining('Usage: niceq serve'),
  });
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(await run('npx', ['niceq', '--version'], app)).toMatchObject({ end: 0, stdout: `${version}\n` });
  const args = ['niceq', 'serve', '--name', 'a', '--redis', 'redis://localhost', 'tasks.mjs'];
  expect(await run('npx', args, app)).toMatchObject({
    end: 1,
    stderr: expect.stringContaining('install them with `npm install bullmq ioredis`'),
  });
});

describe.each([20, 24, 26])('on Node %i', (major) => {
  let node: string;

  beforeAll(async () => {
    const current = Number.parseInt(process.versions.node, 10) === major;
    const npx = ['-y', '-p', `node@${major}`, 'node', '-p', 'process.execPath'];
    node = current ? process.execPath : (await mustRun('npx', npx, folder)).trim();
    expect(await mustRun(node, ['--version'], folder)).toMatch(`v${major}.`);
  });

  test.each(['main.mjs', 'main.cjs'])('%s runs functions and task modules, then ends by itself', async (script) => {
    expect(await run(node, [script], app)).toEqual({
      end: 0,
      stdout: 'AsyncQueue 42 42\nThreadQueue 42 42\nProcessQueue 42 42\n',
      stderr: '',
    });
  });

  test.each(['bullmq.mjs', 'bullmq.cjs'])('%s is told what niceq/bullmq needs', async (script) => {
    expect(await run(node, [script], app)).toEqual({
      end: 0,
      stdout: 'niceq/bullmq needs the packages bullmq and ioredis: install them with `npm install bullmq ioredis`\n',
      stderr: '',
    });
  });

  test.each(['graph.mjs', 'graph.cjs'])('%s makes a graph, and is told what toSvg needs', async (script) => {
    expect(await run(node, [script], app)).toEqual({
      end: 0,
      stdout:
        'true true\nDONE 42 6\ntoSvg() needs the package @viz-js/viz: install it with `npm install @viz-js/viz`\n',
      stderr: '',
    });
  });
});

describe.each([
  {
    ...{ name: 'module node16', module: 'node16', moduleResolution: 'node16' },
    ...{ files: ['consumer.ts', 'consumer.cts'], lib: ['es2023'] },
  },
  {
    // There the global ReadableStream is none of Node's, and no async iterable.
    ...{ name: 'module resolution bundler and the types of the DOM', module: 'esnext', moduleResolution: 'bundler' },
    ...{ files: ['consumer.ts'], lib: ['es2022', 'dom'] },
  },
])('under $name', ({ module, moduleResolution, files, lib }) => {
  test('a consumer type-checks, the declarations of its libraries too', async () => {
    const config = `tsconfig.${moduleResolution}.json`;
    const compilerOptions = {
      ...{ module, moduleResolution, target: 'es2022', lib, types: ['node'] },
      ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
    };
    await writeFile(join(app, config), JSON.stringify({ files, compilerOptions }));
    expect(await run(process.execPath, [tsc, '-p', config], app)).toEqual({ end: 0, stdout: '', stderr: '' });
  });
});
