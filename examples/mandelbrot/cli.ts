import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { View } from './fractal.js';

const WORKER_KINDS = ['async', 'thread', 'process'] as const;

export interface Options {
  view: View;
  output: string;
  workers: (typeof WORKER_KINDS)[number];
  /** How many threads or processes. */
  count: number;
}

/** Something wrong with the arguments; the message names the argument and its value. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const WHOLE_SET = { re: -0.7, im: 0, halfHeight: 1.2 };

export const USAGE = `Usage: npm start -- [options] [width] [re] [im] [half-height]

Renders the Mandelbrot set on all cores and writes a PNG.

  width                 in pixels, 16 to 20000; the height is three quarters of it (default: 2000)
  re, im                the centre (default: ${WHOLE_SET.re} ${WHOLE_SET.im})
  half-height           from the centre to the upper edge (default: ${WHOLE_SET.halfHeight})

  -o, --output FILE     where the picture goes (default: mandelbrot.png)
      --workers KIND    ${WORKER_KINDS.join(', ')} (default: thread)
      --count N         how many threads or processes, 1 to 256 (default: one a core)
      --iterations N    after how many steps a point counts as one of the set, 1 to 10000000
                        (default: 1000 and more, the smaller the half height)
  -h, --help            show this

Example: npm start -- -o detail.png 3000 -0.73249 +0.21653 0.0112
`;

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

function number(name: string, text: string, min: number, max: number): number {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new UsageError(`Expected \`${name}\` to be a number from ${min} to ${max}, got \`${text}\``);
  }
  return value;
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = number(name, text, min, max);
  if (!Number.isInteger(value)) throw new UsageError(`Expected \`${name}\` to be a whole number, got \`${text}\``);
  return value;
}

function workerKind(text: string): Options['workers'] {
  const kind = WORKER_KINDS.find((known) => known === text);
  if (!kind) throw new UsageError(`Expected \`--workers\` to be one of ${WORKER_KINDS.join(', ')}, got \`${text}\``);
  return kind;
}

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      // To parseArgs -0.7 is a bundle of options, unless something stands before the minus.
      args: args.map((arg) => (/^-[.\d]/.test(arg) ? ` ${arg}` : arg)),
      allowPositionals: true,
      options: {
        output: { type: 'string', short: 'o', default: 'mandelbrot.png' },
        workers: { type: 'string', default: 'thread' },
        count: { type: 'string' },
        iterations: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return { values, positionals: positionals.map((text) => text.trim()) };
  } catch (error) {
    // Its advice on positionals that begin with a minus does not apply here.
    throw new UsageError((error as Error).message.replace(/ To specify a positional argument .*/s, ''), {
      cause: error,
    });
  }
}

/** Deeper down it takes longer to tell who escapes: 600 steps for each doubling of the magnification, by experience. */
const enoughIterations = (halfHeight: number): number =>
  Math.round(1000 + 600 * Math.max(0, Math.log2(WHOLE_SET.halfHeight / halfHeight)));

/** Throws UsageError. */
export function parseCommandLine(args: readonly string[]): Options | 'help' {
  const { values, positionals } = parse(args);
  if (values.help) return 'help';

  const [width = '2000', re = `${WHOLE_SET.re}`, im = `${WHOLE_SET.im}`, height = `${WHOLE_SET.halfHeight}`] =
    positionals;
  const [, , , , surplus] = positionals;
  if (surplus !== undefined) throw new UsageError(`Unexpected argument \`${surplus}\` after the half height`);

  const pixels = integer('width', width, 16, 20_000);
  // Below the lower bound neighbouring pixels become the same number.
  const halfHeight = number('half-height', height, 1e-10, 4);
  const view: View = {
    width: pixels,
    height: Math.round(pixels * 0.75),
    re: number('re', re, -4, 4),
    im: number('im', im, -4, 4),
    halfHeight,
    iterations:
      values.iterations === undefined
        ? enoughIterations(halfHeight)
        : integer('--iterations', values.iterations.trim(), 1, 10_000_000),
  };

  const workers = workerKind(values.workers);
  if (workers === 'async' && values.count !== undefined) {
    throw new UsageError(`\`--count ${values.count}\` needs threads or processes: async is the main thread`);
  }
  if (values.output === '') throw new UsageError('Expected `--output` to be a file name, got ``');
  return {
    view,
    output: values.output,
    workers,
    count: values.count === undefined ? availableParallelism() : integer('--count', values.count.trim(), 1, 256),
  };
}
