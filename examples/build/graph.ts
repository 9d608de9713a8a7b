import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { gzip as zip } from 'node:zlib';
import { build } from 'esbuild';
import { taskModule } from 'niceq';
import { TaskNode } from 'niceq/graph';
import { describeSizes, type Size } from './report.js';
import type { Stripped } from './strip.tasks.js';

const tasks = taskModule<typeof import('./strip.tasks.js')>(new URL('./strip.tasks.js', import.meta.url));

export interface Build {
  find: TaskNode<number>;
  /** One for each source file, once `find` is DONE. */
  strips: TaskNode<Stripped>[];
  stripped: TaskNode<Stripped[]>;
  banner: TaskNode<string>;
  bundle: TaskNode<Size[]>;
  gzip: TaskNode<Size[]>;
  report: TaskNode<string>;
}

/**
 * The steps from TypeScript in `source` to bundles in `output`, one of each index.ts. Nothing runs yet. The graph grows
 * while it is made: only when the files have been found is it known what there is to strip.
 */
export function createBuild(source: string, output: string): Build {
  const strips: TaskNode<Stripped>[] = [];
  const js = join(output, 'js');
  const dist = join(output, 'dist');

  const find = new TaskNode('find', async () => {
    const files = await readdir(source, { recursive: true });
    for (const file of files.filter((name) => name.endsWith('.ts')).sort()) {
      const strip = find.andThen(file, tasks.strip, { args: [file, source, js] });
      strips.push(strip);
      stripped.require(strip);
    }
    return strips.length;
  });

  const stripped: TaskNode<Stripped[]> = new TaskNode('stripped', ({ results }) =>
    strips.map((strip) => results.get(strip)),
  );
  stripped.require(find);

  const banner = new TaskNode('banner', () => readFile(join(output, 'banner.txt'), 'utf8'));

  const bundle: TaskNode<Size[]> = new TaskNode('bundle', async ({ results }) => {
    const entries = results.get(stripped).filter(({ file }) => basename(file) === 'index.ts');
    const { metafile } = await build({
      entryPoints: entries.map(({ file }) => join(js, file.replace(/ts$/, 'js'))),
      ...{ outdir: dist, bundle: true, splitting: true, minify: true, metafile: true },
      ...{ format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'silent' },
      banner: { js: results.get(banner).trim() },
    });
    return Object.entries(metafile.outputs).map(([path, { bytes }]) => ({ file: relative(dist, path), bytes }));
  });
  bundle.require(stripped, banner);

  const gzip = bundle.andThen('gzip', ({ results }) =>
    Promise.all(
      results.get(bundle).map(async ({ file }) => {
        const zipped = await promisify(zip)(await readFile(join(dist, file)), { level: 9 });
        await writeFile(join(dist, `${file}.gz`), zipped);
        return { file, bytes: zipped.length };
      }),
    ),
  );

  const report = gzip.andThen('report', async ({ results }) => {
    const text = describeSizes(results.get(stripped), results.get(bundle), results.get(gzip));
    await writeFile(join(output, 'sizes.md'), text);
    return text;
  });
  report.require(stripped, bundle);

  return { find, strips, stripped, banner, bundle, gzip, report };
}
