// @ts-check
// CommonJS, as poolifier misses the greeting of a process that is still loading its modules and waits for ever.
const { ClusterWorker } = require('poolifier');

module.exports = new ClusterWorker({
  /** @param {number} n */
  increment: (n) => n + 1,
  /** @param {unknown} value */
  echo: (value) => value,
  /** @param {Parameters<typeof import('./tasks.mjs').paintAll>[0]} args */
  paintAll: async (args) => (await import('./tasks.mjs')).paintAll(args),
});
