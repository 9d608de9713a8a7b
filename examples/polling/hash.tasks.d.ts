/** The SHA-256 of a file, in hex. */
export function hash(path: string): Promise<string>;
