/** Sizes in bytes. */
export interface Stripped {
  file: string;
  typescript: number;
  javascript: number;
}

/** Writes what is left of a TypeScript file without its types. */
export function strip(file: string, from: string, to: string): Promise<Stripped>;
