// The process of one candidate: gets it ready when it is first told to run, then runs it as often as it is told to.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { groups } from './groups.js';
import type { Answer, Measure, Order } from './harness.js';

// Not as an option of the process: its threads would inherit that, and some peers refuse to start with it.
setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const [group = '', isQuick, id, name = ''] = process.argv.slice(2);
const sections = (await groups[group]?.())?.(isQuick === 'true') ?? [];

async function prepare(): Promise<Measure> {
  const setUp = sections.flatMap(({ cases }) => cases).find((candidate) => candidate.id === id)?.candidates[name];
  if (setUp === undefined) throw new Error(`no candidate ${name} in ${group}, ${id}`);
  return await setUp(collectGarbage);
}

let measure: Measure | undefined;

async function run(): Promise<Answer> {
  try {
    // No collection before each run: it takes the optimized code along, and what is measured is getting it back.
    measure ??= await prepare();
    return { value: await measure() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

process.on('message', async (order: Order) => {
  if (order === 'end') process.exit(0);
  process.send?.(await run());
});
