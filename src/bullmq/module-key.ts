import { TaskModuleError } from '../errors.js';

/**
 * The key under which a server knows a module, unless it was given another: `render` for `.../render.tasks.js`. Throws
 * TaskModuleError for a URL that names no file.
 */
export function moduleKey(url: string): string {
  let path: string;
  try {
    path = decodeURIComponent(new URL(url).pathname);
  } catch (cause) {
    throw new TaskModuleError(`\`${url}\` names no file: use the URL of a module, in which a percent sign is \`%25\``, {
      cause,
    });
  }
  const file = path.split('/').pop() as string;
  return file.replace(/(?:\.tasks)?\.[cm]?[jt]sx?$/, '');
}
