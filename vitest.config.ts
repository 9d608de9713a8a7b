import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The package's own name means its source, as it does for tsc. */
const fromSource = [
  { find: /^niceq$/, replacement: root('src/index.ts') },
  { find: /^niceq\/source$/, replacement: root('src/source/index.ts') },
  { find: /^niceq\/graph$/, replacement: root('src/graph/index.ts') },
  { find: /^niceq\/bullmq$/, replacement: root('src/bullmq/index.ts') },
];

export default defineConfig({
  test: {
    // A test that fails now and then is a bug to find, not one to run again.
    retry: 0,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // What only runs as a thread, process or program of its own, which coverage can't see, and the CommonJS shim.
      exclude: ['src/cli/{main,serve-command}.ts', 'src/child/{thread,process}.ts', 'src/cjs/**'],
      thresholds: { lines: 95, branches: 95, statements: 95, functions: 95 },
    },
    projects: [
      {
        // Nothing built.
        resolve: { alias: fromSource },
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          typecheck: {
            enabled: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: 'test/types/tsconfig.json',
            // What is wrong elsewhere is for check:types to tell.
            ignoreSourceErrors: true,
          },
        },
      },
      {
        test: {
          name: 'dist',
          include: ['test/{dist,storm}/**/*.test.ts'],
          globalSetup: 'test/setup/build.ts',
          testTimeout: 20_000,
        },
      },
      {
        // What of `dist` meets real threads, processes and servers, once more for coverage: their parent's side is the
        // source, where it is seen; they themselves are the built ones, as Node 20 can't start a thread on TypeScript.
        resolve: {
          alias: [...fromSource, { find: /^\.\/entries\.js$/, replacement: root('test/setup/built-entries.ts') }],
        },
        test: {
          name: 'parent',
          include: [
            'test/dist/{conformance,remote}/*.test.ts',
            'test/dist/{calls,defects,graph,iteration,mixed,pool-queue}.test.ts',
          ],
          // It runs only programs, of what is built.
          exclude: ['test/dist/remote/command.test.ts'],
          globalSetup: 'test/setup/build.ts',
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          globalSetup: 'test/setup/build.ts',
          // They install packages and download other versions of Node.
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
