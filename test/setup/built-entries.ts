// In place of src/workers/entries.ts where the parent's side is the source: what threads and processes start with is built.
const dist = new URL('../../dist/', import.meta.url);

export const threadEntry = new URL('thread.cjs', dist);

export const processEntry = new URL('process.cjs', dist);
