import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Sabotage, sabotages } from './sabotages.js';

// Breaks one rule of the scheduler or handler at a time and sees that its tests notice: `npm run sabotage [-- words]`.
// It works in copies, so that nothing stays broken.

const root = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = ['src', 'test', 'examples', 'package.json', 'tsconfig.json', 'tsconfig.check.json', 'vitest.config.ts'];

/** How long the tests may take before they count as hanging, in milliseconds. */
const PATIENCE = 120_000;

/** Runs the tests of a part, up to the first that fails. Those of the queue go through the handler. */
const vitest = [
  join(root, 'node_modules/vitest/vitest.mjs'),
  ...['run', '--project', 'unit', '--typecheck.enabled=false', '--bail=1', '--maxWorkers=1'],
];
const tests = { scheduling: ['test/unit/scheduling', 'test/unit/queue'], handler: ['test/unit/queue'] };

/** A copy of the project, to be broken. */
class Copy {
  readonly #path = mkdtempSync(join(tmpdir(), 'niceq-'));

  constructor() {
    for (const name of COPIED) cpSync(join(root, name), join(this.#path, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(this.#path, 'node_modules'));
  }

  /** Whether the tests notice. */
  async notices({ name, file, find, replace }: Sabotage): Promise<boolean> {
    const path = join(this.#path, file);
    const whole = readFileSync(path, 'utf8');
    const parts = whole.split(find);
    if (parts.length !== 2) throw new Error(`"${name}" fits ${parts.length - 1} places of ${file}, not one`);
    writeFileSync(path, parts.join(replace));
    const isSound = await this.passes(file.includes('/scheduling/') ? 'scheduling' : 'handler');
    writeFileSync(path, whole);
    return !isSound;
  }

  /** Whether the tests of a part pass. They may hang instead of failing. */
  async passes(part: keyof typeof tests): Promise<boolean> {
    const child = spawn(process.execPath, [...vitest, ...tests[part]], {
      cwd: this.#path,
      stdio: 'ignore',
      timeout: PATIENCE,
      killSignal: 'SIGKILL',
    });
    const [code] = await once(child, 'exit');
    return code === 0;
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}

const words = process.argv.slice(2).join(' ');
const chosen = sabotages.filter(({ name, file }) => name.includes(words) || file.includes(words));
const survivors: Sabotage[] = [];
const waiting = chosen.values();
const copies = Array.from({ length: Math.min(4, availableParallelism()) }, () => new Copy());

async function work(copy: Copy): Promise<void> {
  for (const one of waiting) {
    const isNoticed = await copy.notices(one);
    if (!isNoticed) survivors.push(one);
    console.log(`${isNoticed ? 'noticed ' : 'SURVIVES'}  ${one.file}: ${one.name}`);
  }
}

try {
  // What fails unbroken would notice everything.
  if (!(await (copies[0] as Copy).passes('scheduling'))) throw new Error('The tests fail before anything is broken');
  await Promise.all(copies.map(work));
  console.log(`${survivors.length} of ${chosen.length} survive`);
  if (survivors.length > 0) process.exitCode = 1;
} finally {
  for (const copy of copies) copy.remove();
}
