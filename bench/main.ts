import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { groups } from './groups.js';
import { compare, format, median, type Outcomes, sectionTable, spread, table } from './harness.js';
import { targets, valuesOf } from './targets.js';

const USAGE = `npm run bench -- [--quick] [group | group/case]...

Compares niceq with its peers, prints Markdown tables, and fails if niceq is not as good as it must be.
Groups: ${Object.keys(groups).join(', ')}; without any, all of them.
  --quick  run everything once and in small: for CI, whose figures mean nothing, so it fails only if niceq does`;

// Reading it takes Node longer than everything else that happens when a process starts.
delete process.env.NODE_EXTRA_CA_CERTS;

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  allowPositionals: true,
});
/** Group, and the case in it if only one is wanted. */
const wanted = (positionals.length > 0 ? positionals : Object.keys(groups)).map((name) => name.split('/'));
const unknown = wanted.flatMap(([name = '']) => (groups[name] === undefined ? [name] : []));
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`No such group: ${unknown.join(', ')}\n`);
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
}

const results = new Map<string, Outcomes>();
const failures: string[] = [];

console.log(`# niceq and its peers

Node ${process.versions.node}, ${cpus().length} cores. Medians of several rounds in turn (lowest – highest); in bold how much
niceq takes of that, as the median of the ratios in each round: below 1 niceq is better.${
  values.quick ? '\n\nThis was a quick run: its figures say nothing.' : ''
}`);

const begin = performance.now();
for (const [name = '', id] of wanted) {
  const sections = (await groups[name]?.())?.(values.quick) ?? [];
  for (const all of sections) {
    const section = { ...all, cases: all.cases.filter((each) => id === undefined || each.id === id) };
    if (section.cases.length === 0) continue;
    const outcomes = new Map<string, Outcomes>();
    for (const each of section.cases) {
      const start = performance.now();
      const compared = await compare(name, values.quick, each);
      // Besides the report, for who waits for it.
      console.error(`${name}/${each.id}: ${Math.round((performance.now() - start) / 1000)} s`);
      outcomes.set(each.id, compared);
      results.set(`${name}/${each.id}`, compared);
      for (const [candidate, outcome] of compared) {
        if (outcome instanceof Error && candidate.startsWith('niceq')) {
          failures.push(`${section.title}, ${each.title}, ${candidate}: ${outcome.message}`);
        }
      }
    }
    console.log(`\n## ${section.title}\n\n${sectionTable(section, outcomes)}`);
    if (section.footer !== undefined) console.log(`\n${section.footer(outcomes)}`);
  }
}

const limit = (value: number | undefined, unit: string) => (value === undefined ? '' : `${format(value)} ${unit}`);
const missed: string[] = [];
const rows: string[][] = [];
for (const each of targets) {
  const measured = valuesOf(each, results);
  if (measured === null) continue;
  const { work, unit, target = Number.POSITIVE_INFINITY, must = Number.POSITIVE_INFINITY } = each;
  const value = measured instanceof Error ? Number.POSITIVE_INFINITY : median(measured);
  if (value > must || measured instanceof Error) missed.push(work);
  const verdict = measured instanceof Error || value > must ? '**missed**' : value > target ? 'good enough' : 'reached';
  const figure = measured instanceof Error ? `failed: ${measured.message}` : `${spread(measured)} ${unit}`;
  rows.push([work, figure, limit(each.target, unit), limit(each.must, unit), verdict]);
}
if (rows.length > 0) console.log(`\n## Targets\n\n${table(['work', 'measured', 'target', 'must', 'verdict'], rows)}`);
console.log(`\n${Math.round((performance.now() - begin) / 1000)} s`);

for (const failure of failures) console.error(`failed: ${failure}`);
if (!values.quick) for (const work of missed) console.error(`missed: ${work}`);
if (failures.length > 0 || (!values.quick && missed.length > 0)) process.exitCode = 1;
