import { isIP, SocketAddress } from 'node:net';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

const WORKER_KINDS = ['thread', 'process'] as const;

export interface Options {
  files: string[];
  /** Generated files instead. */
  demo: boolean;
  /** Addresses, as a log writes them. */
  ignore: string[];
  /** How many entries of each sort are shown. */
  top: number;
  workers: (typeof WORKER_KINDS)[number];
  /** How many threads or processes. */
  count: number;
}

/** Something wrong with the arguments; the message names the argument and its value. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `Usage: npm run example:logs -- [options] FILES
       npm run example:logs -- [options] --demo

Reads access logs (common or combined format) and Debian's dpkg.log, gzipped or not,
on all cores, and shows what occurs most.

      --ignore ADDRESS  leave out what came from there; may be given several times
      --top N           how many entries of each sort to show, 1 to 1000 (default: 10)
      --workers KIND    ${WORKER_KINDS.join(' or ')} (default: ${WORKER_KINDS[0]})
      --count N         how many of them, 1 to 256 (default: one a core)
      --demo            read generated files
  -h, --help            show this

Example: npm run example:logs -- --ignore 192.0.2.1 --ignore ::1 /var/log/nginx/access.log*
`;

function integer(name: string, text: string, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (!(value >= 1 && value <= max)) {
    throw new UsageError(`Expected \`${name}\` to be a whole number from 1 to ${max}, got \`${text}\``);
  }
  return value;
}

function workerKind(text: string): Options['workers'] {
  const kind = WORKER_KINDS.find((known) => known === text);
  if (!kind) throw new UsageError(`Expected \`--workers\` to be ${WORKER_KINDS.join(' or ')}, got \`${text}\``);
  return kind;
}

/** A server may log names instead of numbers. */
function address(text: string): string {
  if (isIP(text) === 6) return new SocketAddress({ address: text, family: 'ipv6' }).address;
  if (isIP(text) === 4 || /^(?=.*[a-z])[\w-]+(\.[\w-]+)*$/i.test(text)) return text;
  throw new UsageError(`Expected \`--ignore\` to be an IP address or a host name, got \`${text}\``);
}

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      // To parseArgs -3 is an option, unless something stands before the minus.
      args: args.map((arg) => (/^-\d+$/.test(arg) ? ` ${arg}` : arg)),
      allowPositionals: true,
      options: {
        ignore: { type: 'string', multiple: true, default: [] },
        top: { type: 'string', default: '10' },
        workers: { type: 'string', default: WORKER_KINDS[0] },
        count: { type: 'string', default: `${Math.min(availableParallelism(), 256)}` },
        demo: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return { values, positionals: positionals.map((text) => text.replace(/^ (?=-\d+$)/, '')) };
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** Throws UsageError. */
export function parseCommandLine(args: readonly string[]): Options | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';

  const [first] = positionals;
  if (values.demo && first !== undefined) throw new UsageError(`\`--demo\` makes its own files, got \`${first}\``);
  if (!values.demo && first === undefined) throw new UsageError('Expected `FILES`, got none');
  if (positionals.includes('')) throw new UsageError('Expected `FILES` to be file names, got ``');
  return {
    files: positionals,
    demo: values.demo,
    ignore: values.ignore.map(address),
    top: integer('--top', values.top.trim(), 1000),
    workers: workerKind(values.workers),
    count: integer('--count', values.count.trim(), 256),
  };
}
