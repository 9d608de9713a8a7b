import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Options } from 'tsup';

/** What users import, by name in dist/. A new entry needs its `exports` in package.json too, and its path in tsconfig.check.json. */
const publicEntries = {
  index: 'src/index.ts',
};

/** What threads and processes start with: ESM only, as the CommonJS build starts the same files. */
const childEntries = {
  thread: 'src/child/thread.ts',
  process: 'src/child/process.ts',
};

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/** Bundling a package means carrying its licence: writes those of everything that really ended up in the bundle. */
const thirdPartyNotices: Plugin = {
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
      const head = 'The CommonJS build of niceq contains the following packages.\n';
      writeFileSync('dist/THIRD-PARTY-NOTICES.txt', [head, ...notices].join(`\n${'-'.repeat(80)}\n\n`));
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
  // Public entries share their classes through chunks. Everything stays flat in dist/, so `./thread.js` resolves from each.
  { ...common, name: 'esm', entry: publicEntries, format: 'esm', splitting: true, dts: true },
  // One file a child: it starts faster.
  { ...common, name: 'child', entry: childEntries, format: 'esm', splitting: false },
  {
    ...common,
    name: 'cjs',
    entry: publicEntries,
    format: 'cjs',
    splitting: true,
    dts: true,
    // p-limit is ESM only: required from here it would be a namespace object, not a function.
    noExternal: ['p-limit'],
    define: { 'import.meta.url': 'importMetaUrl' },
    inject: ['src/cjs/import-meta-url.ts'],
    esbuildPlugins: [thirdPartyNotices],
  },
]);
