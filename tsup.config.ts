import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { defineConfig, type Options } from 'tsup';

/** What users import, by name in dist/. A new entry needs its `exports` in package.json too, and its path in tsconfig.check.json. */
const publicEntries = {
  index: 'src/index.ts',
  source: 'src/source/index.ts',
  graph: 'src/graph/index.ts',
  bullmq: 'src/bullmq/index.ts',
};

/** What `bin` in package.json names: nothing to import, so ESM without declarations. */
const commands = { cli: 'src/cli/main.ts' };

/** What threads and processes start with: CommonJS, which starts faster; the ESM build starts the same files. */
const childEntries = {
  thread: 'src/child/thread.ts',
  process: 'src/child/process.ts',
};

/** Bundling a package means carrying its licence: writes those of everything that really ended up in the bundle. */
const thirdPartyNotices: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'third-party-notices',
  setup(build) {
    build.initialOptions.metafile = true;
    build.onEnd(({ metafile }) => {
      const folders = new Set<string>();
      for (const input of Object.keys(metafile?.inputs ?? {})) {
        const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0];
        if (folder) folders.add(folder);
      }
      const notices = [...folders].sort().map((folder) => {
        const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
        if (!file) throw new Error(`${folder} is bundled, but has no licence file to carry along`);
        const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
        const { name, version } = manifest as { name: string; version: string };
        return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
      });
      mkdirSync('dist', { recursive: true });
      const head =
        'What niceq was built from, besides its own source: devalue in niceq/bullmq, the others in the CommonJS build.\n';
      writeFileSync('dist/THIRD-PARTY-NOTICES.txt', [head, ...notices].join(`\n${'-'.repeat(80)}\n\n`));
    });
  },
};

/**
 * Turns chunk after chunk of an ESM bundle into CommonJS. esbuild itself splits only ESM, and what tsup does instead (sucrase)
 * rewrites class fields and optional chaining.
 */
const commonJs: NonNullable<Options['plugins']>[number] = {
  name: 'common-js',
  async renderChunk(source, { path }) {
    if (!path.endsWith('.cjs')) return undefined;
    return await transform(source, {
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      sourcefile: path,
      sourcemap: 'external',
      banner: "'use strict';",
    });
  },
};

const common: Options = {
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  removeNodeProtocol: false,
  // The builds run side by side, so neither may empty dist/: the npm script does it before.
  clean: false,
};

export default defineConfig([
  // Public entries share their classes through chunks, so that instanceof holds across them. Everything stays flat in
  // dist/: `./thread.cjs` resolves from each.
  // devalue is what niceq/bullmq writes with: bundled, so that who does not use that entry need not install it.
  {
    ...common,
    name: 'esm',
    entry: { ...publicEntries, ...commands },
    format: 'esm',
    splitting: true,
    noExternal: ['devalue'],
  },
  // One file a child: it starts faster.
  { ...common, name: 'child', entry: childEntries, format: 'cjs', splitting: false },
  {
    ...common,
    name: 'cjs',
    entry: publicEntries,
    format: 'esm',
    plugins: [commonJs],
    outExtension: () => ({ js: '.cjs' }),
    splitting: true,
    // p-limit is ESM only: Node 20 can't require that before 20.19, and where it can it gets a namespace, not a function.
    noExternal: ['p-limit', 'devalue'],
    define: { 'import.meta.url': 'importMetaUrl' },
    inject: ['src/cjs/import-meta-url.ts'],
    esbuildPlugins: [thirdPartyNotices],
  },
  // The declarations of both, .d.ts and .d.cts.
  { ...common, name: 'types', entry: publicEntries, format: ['esm', 'cjs'], dts: { only: true } },
]);
