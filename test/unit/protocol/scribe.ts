/** Something that was said: the name of the operation, and its fields. */
export type Said = [name: string, ...fields: unknown[]];

/** Writes down what it is told. */
export function scribe<T extends object>(said: Said[] = []): { to: T; said: Said[] } {
  const to = new Proxy({} as T, {
    get:
      (_, name) =>
      (...fields: unknown[]) =>
        said.push([String(name), ...fields]),
  });
  return { to, said };
}
