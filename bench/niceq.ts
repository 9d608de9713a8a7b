// bench/ has a package.json of its own, so niceq can't be imported by its name here. Always the build: that is what
// users run, and its thread and process entries are JavaScript.
const load = (entry: string) => import(new URL(`../../dist/${entry}.js`, import.meta.url).href);

export const { AsyncQueue, ProcessQueue, TaskQueue, ThreadQueue, taskModule }: typeof import('niceq') =
  await load('index');
export const { make, TaskNode }: typeof import('niceq/graph') = await load('graph');
/** Only for who measures it: it loads BullMQ. */
export const loadBullmq = (): Promise<typeof import('niceq/bullmq')> => load('bullmq');
