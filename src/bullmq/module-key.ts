/** The key under which a server knows a module, unless it was given another: `render` for `.../render.tasks.js`. */
export function moduleKey(url: string): string {
  const file = decodeURIComponent(new URL(url).pathname).split('/').pop() as string;
  return file.replace(/(?:\.tasks)?\.[cm]?[jt]sx?$/, '');
}
