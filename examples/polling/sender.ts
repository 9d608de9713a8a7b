import { randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from 'niceq';

/** Files differ in size, so that the work on them does not end all at once. */
const SIZES = [1, 2, 4].map((megabytes) => megabytes * 2 ** 20);

/**
 * Whoever the files come from: moves them into `inbox`, which it takes away twice, once for short and once for long, as
 * the work goes on. Returns how many there were.
 */
export async function send(
  inbox: string,
  drafts: string,
  progress: { readonly done: number; readonly failures: number },
  say: (text: string) => void,
): Promise<number> {
  let sent = 0;
  const files = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const name = `file-${String(++sent).padStart(2, '0')}`;
      await writeFile(join(drafts, name), randomBytes(SIZES[sent % SIZES.length] ?? 0));
      await rename(join(drafts, name), join(inbox, name));
    }
  };
  const outage = async (text: string, end: () => Promise<unknown>) => {
    const away = `${inbox}.away`;
    await rename(inbox, away);
    say(`>> the inbox is taken away${text}`);
    await end();
    await rename(away, inbox);
    say('>> the inbox is back');
  };

  await files(12);
  await until(() => progress.done >= 3);
  // Until somebody looks for a file in vain.
  await outage('', () => until(() => progress.failures > 0));
  await until(() => progress.done >= 7);
  await outage(' for 800 ms', () => sleep(800));
  await until(() => progress.done >= 12);
  await files(4);
  return sent;
}
