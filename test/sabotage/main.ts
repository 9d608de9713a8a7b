import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Sabotage, sabotages } from './sabotages.js';

// Breaks one rule of the scheduler, the handler, the workers or the remote ones at a time and sees that its tests notice:
// `npm run sabotage [-- words]`. It works in copies, so that nothing stays broken.

const root = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = ['src', 'test', 'examples', 'package.json', 'tsconfig.json', 'tsconfig.check.json', 'vitest.config.ts'];

/** The tests of each part. Those of the queue go through the handler. */
const tests = {
  scheduling: ['test/unit/scheduling'],
  handler: ['queue', 'handler', 'iteration', 'workers', 'protocol'].map((name) => `test/unit/${name}`),
  bullmq: ['test/unit/bullmq'],
};
type Part = keyof typeof tests;
const partOf = ({ file }: Sabotage): Part => {
  if (file.startsWith('src/scheduling/')) return 'scheduling';
  return file.startsWith('src/bullmq/') ? 'bullmq' : 'handler';
};

/** How many times as long as unbroken ones tests may take before they count as hanging. */
const PATIENCE = 4;

/** A copy of the project, to be broken. */
class Copy {
  readonly #path = mkdtempSync(join(tmpdir(), 'niceq-'));

  constructor() {
    for (const name of COPIED) cpSync(join(root, name), join(this.#path, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(this.#path, 'node_modules'));
  }

  /** Whether the tests notice within `patience` ms. */
  async notices(sabotage: Sabotage, patience: number): Promise<boolean> {
    const { name, file, find, replace } = sabotage;
    const path = join(this.#path, file);
    const whole = readFileSync(path, 'utf8');
    const parts = whole.split(find);
    if (parts.length !== 2) throw new Error(`"${name}" fits ${parts.length - 1} places of ${file}, not one`);
    writeFileSync(path, parts.join(replace));
    const isSound = await this.passes(partOf(sabotage), patience);
    writeFileSync(path, whole);
    return !isSound;
  }

  /** Whether the tests of a part pass. They may hang instead of failing. */
  async passes(part: Part, patience?: number): Promise<boolean> {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const config = join(this.#path, 'test/sabotage/vitest.config.ts');
    const child = spawn(process.execPath, [vitest, 'run', '--config', config, '--root', this.#path, ...tests[part]], {
      cwd: this.#path,
      stdio: 'ignore',
      timeout: patience,
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

const patience: Partial<Record<Part, number>> = {};

/** How long the tests of a part may take in a copy, in milliseconds. What fails unbroken would notice everything. */
async function patienceFor(part: Part): Promise<number> {
  const begin = performance.now();
  if (!(await (copies[0] as Copy).passes(part))) throw new Error(`The tests of the ${part} fail before it is broken`);
  return Math.ceil(PATIENCE * (performance.now() - begin));
}

async function work(copy: Copy): Promise<void> {
  for (const one of waiting) {
    const begin = performance.now();
    const isNoticed = await copy.notices(one, patience[partOf(one)] as number);
    if (!isNoticed) survivors.push(one);
    const seconds = `${((performance.now() - begin) / 1000).toFixed(1)} s`;
    console.log(`${isNoticed ? 'noticed ' : 'SURVIVES'} ${seconds.padStart(7)}  ${one.file}: ${one.name}`);
  }
}

try {
  for (const part of new Set(chosen.map(partOf))) patience[part] = await patienceFor(part);
  await Promise.all(copies.map(work));
  console.log(`${survivors.length} of ${chosen.length} survive`);
  if (survivors.length > 0) process.exitCode = 1;
} finally {
  for (const copy of copies) copy.remove();
}
