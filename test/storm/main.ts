import { parseArgs } from 'node:util';
import { storm } from './storm.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    tasks: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const seed = Number(values.seed);
console.log(`storm for ${values.seconds} s with seed ${seed}; --seed ${seed} replays it`);
const report = await storm({ seed, tasks: Number(values.tasks), time: Number(values.seconds) * 1000 });
console.log(report);
