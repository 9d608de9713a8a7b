import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

export default defineConfig({
  test: {
    // A test that fails now and then is a bug to find, not one to run again.
    retry: 0,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // What only runs inside a thread or process of its own, where coverage can't see them, and the CommonJS shim.
      exclude: ['src/cli/{main,serve-command}.ts', 'src/child/thread.ts', 'src/child/process.ts', 'src/cjs/**'],
    },
    projects: [
      {
        // Nothing built: the package's own name means its source, as it does for tsc.
        resolve: {
          alias: [
            { find: /^niceq$/, replacement: source('index.ts') },
            { find: /^niceq\/source$/, replacement: source('source/index.ts') },
            { find: /^niceq\/graph$/, replacement: source('graph/index.ts') },
            { find: /^niceq\/bullmq$/, replacement: source('bullmq/index.ts') },
          ],
        },
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
