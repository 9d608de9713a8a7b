import { messageOf } from '../errors.js';

/** So many are told: an error may be its own cause. */
const DEPTH = 10;

/** What went wrong, and what that came from: nothing that was said before. */
export function withCauses(error: unknown): string {
  const told: string[] = [];
  let at = error;
  for (let depth = 0; depth < DEPTH && at !== undefined; depth++) {
    const text = messageOf(at);
    if (!told.some((one) => one.includes(text))) told.push(text);
    at = at instanceof Error ? at.cause : undefined;
  }
  return told.join(': ');
}
