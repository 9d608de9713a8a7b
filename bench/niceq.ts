// bench/ has a package.json of its own, so niceq can't be imported by its name here. Always the build: that is what
// users run, and its thread and process entries are JavaScript.
const build = new URL('../../dist/index.js', import.meta.url);

export const { AsyncQueue, ProcessQueue, ThreadQueue, taskModule }: typeof import('niceq') = await import(build.href);
