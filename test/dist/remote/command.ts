import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../programs.js';

/** The command `niceq`, run in a process of its own. */
export class Command {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();
  /** Resolves with how it ended: its code, or the signal that ended it. */
  readonly end: Promise<number | string>;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [join(root, 'dist/cli.js'), ...args], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => {
        this.#lines.push(line);
        for (const wake of this.#waiting) wake();
      });
    }
    this.#child = child;
    this.end = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal ?? '')));
    void this.end.then(() => {
      for (const wake of this.#waiting) wake();
    });
  }

  /** What it has written, to stdout and stderr. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /** Resolves when it has written this. */
  async says(text: string): Promise<void> {
    let isOver = false;
    void this.end.then(() => {
      isOver = true;
    });
    while (!this.output.includes(text)) {
      if (isOver) throw new Error(`It has ended without \`${text}\`:\n${this.output}`);
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
