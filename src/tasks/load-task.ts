import { existsSync } from 'node:fs';
import { messageOf, TaskModuleError } from '../errors.js';
import type { AnyFunction } from './task-module.js';

/** Imports the module and returns the exported function. Throws TaskModuleError. */
export async function loadTask(url: string, name: string): Promise<AnyFunction> {
  let exports: Record<string, unknown>;
  try {
    exports = await importModule(url);
  } catch (cause) {
    throw new TaskModuleError(`The task module ${url} can't be loaded: ${messageOf(cause)}`, { cause });
  }
  // Of a CommonJS module Node sees only the exports it can guess from the text; all of them are in the default export.
  const all = { ...(exports.default as object | undefined), ...exports } as Record<string, unknown>;
  const found = Object.hasOwn(all, name) ? all[name] : undefined;
  if (typeof found === 'function') return found as AnyFunction;
  if (Object.hasOwn(all, name)) {
    throw new TaskModuleError(`The export \`${name}\` of the task module ${url} is no function but ${typeof found}`);
  }
  const functions = Object.keys(exports).filter((key) => typeof exports[key] === 'function');
  const there = functions.length === 0 ? 'no functions' : functions.map((key) => `\`${key}\``).join(', ');
  throw new TaskModuleError(`The task module ${url} has no export \`${name}\`: it exports ${there}`);
}

async function importModule(url: string): Promise<Record<string, unknown>> {
  const source = typescriptOf(url);
  return source === null ? await import(url) : await importTypescript(source);
}

/**
 * The TypeScript file that `url` stands for: itself, or the source of a .js file that was never built, as under tsx or
 * a test runner.
 */
function typescriptOf(url: string): string | null {
  if (/\.[cm]?tsx?$/.test(url)) return url;
  if (!url.startsWith('file:') || !/\.[cm]?js$/.test(url) || existsSync(new URL(url))) return null;
  const source = url.replace(/js$/, 'ts');
  return existsSync(new URL(source)) ? source : null;
}

/** Node itself where it can, else tsx if the module's project has it. */
async function importTypescript(url: string): Promise<Record<string, unknown>> {
  try {
    return await import(url);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
    const tsx = await findTsx(url);
    if (tsx === null) throw error;
    return await tsx.tsImport(url, url);
  }
}

/** How tsx is imported. `require` would get another build of it, which does not find its own files in a thread. */
const TSX_API = './esm/api';

async function findTsx(
  url: string,
): Promise<{ tsImport(url: string, parent: string): Promise<Record<string, unknown>> } | null> {
  try {
    // Loaded only here, as every thread and process has this module.
    const [{ createRequire }, { pathToFileURL }] = await Promise.all([import('node:module'), import('node:url')]);
    const require = createRequire(url);
    const manifest = require.resolve('tsx/package.json');
    const { exports } = require(manifest) as { exports: Record<string, { import: { default: string } } | undefined> };
    return await import(new URL(exports[TSX_API]?.import.default ?? '', pathToFileURL(manifest)).href);
  } catch {
    return null;
  }
}
