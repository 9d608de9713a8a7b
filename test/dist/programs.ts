import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * A folder for programs that import `niceq` by its own name, as users do. It lies in dist/: part of the package, known
 * to no other tool, and gone with the next build should a test run have been killed.
 */
export function openFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(root, 'dist', 'examples-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Outcome {
  /** What it ended with by itself, or the signal that ended it. */
  end: number | string | null;
  stdout: string;
  stderr: string;
}

/** Runs `node`, and kills it after a minute if it does not end. */
function runNode(args: readonly string[], cwd: string, more: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const env = { ...process.env, ...more };
  // Vitest's way of running Node must not reach what is run.
  for (const name of Object.keys(env))
    if (/^(NODE_OPTIONS|NODE_ENV|FORCE_COLOR|VITEST.*)$/.test(name)) delete env[name];
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      args,
      { cwd, env, timeout: 60_000, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        const end = child.exitCode ?? child.signalCode ?? error?.message ?? null;
        resolve({ end, stdout, stderr });
      },
    );
  });
}

/** Runs a JavaScript or TypeScript file. */
export function runProgram(folder: string, name: string, env?: NodeJS.ProcessEnv): Promise<Outcome> {
  return runNode([...(name.endsWith('ts') ? ['--import', 'tsx'] : []), name], folder, env);
}

/** Runs the type checker over TypeScript files, as strict as for our own. */
export function typeCheck(folder: string, files: readonly string[]): Promise<Outcome> {
  // Examples may declare what they do not use.
  const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false, skipLibCheck: true };
  const config = { extends: join(root, 'tsconfig.json'), references: [], files, compilerOptions };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  return runNode([join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], folder);
}

/** What a program says that it prints: its comments `// -> ...`, in order. */
export function outputsIn(code: string): string[] {
  return [...code.matchAll(/\/\/ -> ?(.*)$/gm)].map(([, line = '']) => line);
}
