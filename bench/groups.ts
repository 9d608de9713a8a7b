import type { Group } from './harness.js';

/** By the name that `npm run bench -- name` takes. Loaded when needed: a candidate's process has only its own. */
export const groups: Readonly<Record<string, () => Promise<Group>>> = {
  main: async () => (await import('./groups/main-thread.js')).mainThread,
  threads: async () => (await import('./groups/threads.js')).threads,
  processes: async () => (await import('./groups/processes.js')).processes,
  streaming: async () => (await import('./groups/streaming.js')).streaming,
  remote: async () => (await import('./groups/remote.js')).remote,
  scheduling: async () => (await import('./groups/scheduling.js')).scheduling,
  graph: async () => (await import('./groups/graph.js')).graph,
  mandelbrot: async () => (await import('./groups/mandelbrot.js')).mandelbrot,
};
