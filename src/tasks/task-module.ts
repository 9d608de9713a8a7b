/**
 * A function that a worker finds by itself: an export of a module. Plain data; `F` is the type of the function, which
 * exists only for the compiler.
 */
export interface TaskRef<F extends AnyFunction = AnyFunction> {
  readonly url: string;
  readonly name: string;
  readonly '~type'?: F;
}

// biome-ignore lint/suspicious/noExplicitAny: it stands for every function; callers see the inferred type.
export type AnyFunction = (...args: any[]) => unknown;

/** The functions that the module `M` exports, as references. */
export type TaskModule<M> = {
  readonly [K in keyof M as M[K] extends AnyFunction ? K : never]: M[K] extends AnyFunction ? TaskRef<M[K]> : never;
};

/**
 * References to the functions that a module exports, to be called on any kind of worker. Nothing is loaded here: a
 * thread or process imports the module when it first meets one of its tasks, and keeps it, with its state.
 *
 * @param url - The module's URL: a `file:` URL object or string, as `new URL('./render.tasks.js', import.meta.url)`
 *   makes it. TypeScript modules work where Node loads them, or tsx is installed.
 * @throws TypeError for anything that is no absolute URL.
 *
 * @example
 * ```ts
 * const tasks = taskModule<typeof import('./render.tasks.js')>(new URL('./render.tasks.js', import.meta.url));
 * const pixels = await queue.call(tasks.render, [row]);
 * ```
 */
export function taskModule<M>(url: URL | string): TaskModule<M> {
  const href = hrefOf(url);
  const refs = new Map<string, TaskRef>();
  return new Proxy({} as TaskModule<M>, {
    get(_, name) {
      if (typeof name === 'symbol') return undefined;
      let ref = refs.get(name);
      if (ref === undefined) {
        ref = Object.freeze({ url: href, name });
        refs.set(name, ref);
      }
      return ref;
    },
  });
}

/** Whether a value has the form of a task reference; it may have been copied on its way here. */
export function isTaskRef(value: unknown): value is TaskRef {
  if (typeof value !== 'object' || value === null) return false;
  const { url, name } = value as Partial<TaskRef>;
  return typeof url === 'string' && typeof name === 'string';
}

function hrefOf(url: URL | string): string {
  const href = url instanceof URL ? url.href : url;
  if (typeof href !== 'string' || !URL.canParse(href)) {
    throw new TypeError(
      `Expected \`url\` to be the URL of a module, got ${typeof href === 'string' ? `'${href}'` : typeof href}: use \`new URL('./tasks.js', import.meta.url)\`, or pathToFileURL() for a path`,
    );
  }
  return href;
}
