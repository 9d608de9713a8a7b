import { availableParallelism } from 'node:os';
import type { View } from '../../examples/mandelbrot/fractal.js';
import { type Case, format, type Group, type Measure, median, type Outcomes, ratios } from '../harness.js';
import { type Pool, poolsOf } from '../pools.js';

// Its place is relative to what is run, in bench/build/.
const example = new URL('../../../examples/mandelbrot/fractal.js', import.meta.url);
const { paintRows, survey }: typeof import('../../examples/mandelbrot/fractal.js') = await import(example.href);

/** How many workers: the speed-up is that over one plain loop. */
const WORKERS = 2;
const ROWS = 4;

const LOOP = 'plain loop';

export const mandelbrot: Group = (isQuick) => {
  const view: View = {
    width: isQuick ? 120 : 960,
    height: isQuick ? 80 : 640,
    re: -0.743643887,
    im: 0.131825904,
    halfHeight: 0.002,
    iterations: 2000,
  };
  const exposure = survey(view);

  const paintAll =
    ({ paint }: Pool): Measure =>
    async () => {
      const begin = performance.now();
      const bands: Promise<Uint8Array>[] = [];
      for (let from = 0; from < view.height; from += ROWS) {
        bands.push(paint(view, exposure, from, Math.min(from + ROWS, view.height)));
      }
      let size = 0;
      for (const band of bands) size += (await band).byteLength;
      if (size !== view.width * view.height * 3) throw new Error(`the picture has ${size} bytes`);
      return performance.now() - begin;
    };
  const { niceq, piscina, workerpool } = poolsOf('thread');
  const pools = { niceq, piscina, workerpool } as Record<string, NonNullable<typeof niceq>>;

  const picture: Case = {
    id: 'picture',
    title: `${WORKERS} threads`,
    rounds: isQuick ? 1 : 5,
    candidates: {
      [LOOP]: () => () => {
        const begin = performance.now();
        for (let from = 0; from < view.height; from += ROWS) paintRows(view, exposure, from, from + ROWS);
        return performance.now() - begin;
      },
      ...Object.fromEntries(
        Object.entries(pools).map(([name, load]) => [name, async () => paintAll((await load())(WORKERS))]),
      ),
    },
  };
  return [
    {
      title: `A real job: a Mandelbrot picture of ${view.width} x ${view.height} pixels`,
      unit: 'ms',
      cases: [picture],
      footer: (results) => speedUps(results.get('picture') as Outcomes, Object.keys(pools)),
    },
  ];
};

/** How many times faster than the plain loop, for each core there is for the workers. */
function speedUps(outcomes: Outcomes, names: readonly string[]): string {
  const cores = Math.min(WORKERS, availableParallelism());
  const loop = outcomes.get(LOOP);
  const figures = names.map((name) => {
    const own = outcomes.get(name);
    if (!Array.isArray(own) || !Array.isArray(loop)) return `${name} failed`;
    return `${name} ${format(median(ratios(loop, own)) / cores)}`;
  });
  return `Speed-up over the plain loop for each of ${cores} cores: ${figures.join(', ')}.`;
}
