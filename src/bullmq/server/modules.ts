import { pathToFileURL } from 'node:url';
import { checkOptions, checkString, wrongType } from '../../check.js';
import { TaskModuleError } from '../../errors.js';
import type { TaskRef } from '../../tasks/task-module.js';

/** The modules that a server runs tasks of, by key: what it was not given it does not load. */
export class Modules {
  readonly #urls = new Map<string, string>();
  /** The name that the server has in common with others. */
  readonly server: string;

  constructor(server: string, modules: Readonly<Record<string, URL | string>>) {
    this.server = server;
    checkOptions('modules', modules);
    for (const [key, module] of Object.entries(modules)) {
      const name = `modules.${key}`;
      this.#urls.set(key, module instanceof URL ? module.href : urlOf(name, checkString(name, module)));
    }
    if (this.#urls.size === 0) throw wrongType('modules', 'an object with a module for each key', modules);
  }

  /** The export of a module. Throws TaskModuleError if there is no such module here. */
  ref(key: string, name: string): TaskRef {
    const url = this.#urls.get(key);
    if (url !== undefined) return { url, name };
    const there = [...this.#urls.keys()].map((one) => `\`${one}\``).join(', ');
    throw new TaskModuleError(
      `The servers of \`${this.server}\` run no tasks of a module \`${key}\`: they have ${there}; name it in \`modules\``,
    );
  }
}

/** A URL, or the path of a file. */
function urlOf(name: string, module: string): string {
  if (module === '') throw wrongType(name, 'the URL or path of a module', module);
  if (!/^[a-z][a-z+.-]+:/i.test(module)) return pathToFileURL(module).href;
  if (!URL.canParse(module)) throw wrongType(name, 'the URL or path of a module', module);
  return new URL(module).href;
}
