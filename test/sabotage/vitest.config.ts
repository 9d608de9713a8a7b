import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

// The unit tests as quick as can be, up to the first that fails.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^niceq$/, replacement: root('src/index.ts') },
      { find: /^niceq\/bullmq$/, replacement: root('src/bullmq/index.ts') },
    ],
  },
  test: {
    include: ['test/unit/**/*.test.ts'],
    // They put something in the place of a module, which others have loaded before.
    exclude: ['**/workers/{claims,process-worker}.test.ts'],
    setupFiles: [root('test/sabotage/set-up.ts')],
    bail: 1,
    // One process, so that none is left when one that hangs is killed, and nothing is loaded twice.
    pool: 'threads',
    isolate: false,
    maxWorkers: 1,
  },
});
