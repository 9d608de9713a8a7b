import { execSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Builds the package once, before the first test of what is built. */
export default function build(): void {
  execSync('npm run build', {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
