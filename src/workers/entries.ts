// Bundled, this module is part of a file in dist/, where the child entries lie beside it.

/** What a thread starts with. */
export const threadEntry = new URL('./thread.cjs', import.meta.url);

/** What a process starts with. */
export const processEntry = new URL('./process.cjs', import.meta.url);
