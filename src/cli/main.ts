#!/usr/bin/env node
import { createRequire } from 'node:module';
import { withCauses } from './causes.js';
import { parseCommandLine, UsageError } from './command-line.js';
import { SERVE_USAGE, USAGE } from './usage.js';

try {
  const command = parseCommandLine(process.argv.slice(2), process.env);
  if (command === 'help') console.log(USAGE);
  else if (command === 'help serve') console.log(SERVE_USAGE);
  else if (command === 'version') console.log(createRequire(import.meta.url)('niceq/package.json').version);
  // Loaded only now, as it needs optional packages.
  else await (await import('./serve-command.js')).runServer(command);
} catch (error) {
  console.error(`niceq: ${withCauses(error)}`);
  if (error instanceof UsageError) console.error('Run `niceq --help` or `niceq serve --help` to see what there is');
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
