import { expect, test } from 'vitest';
import { describeSizes } from '../../../examples/build/report.js';

test('the report tells what became of the sources, and the size of each file of the bundle', () => {
  const sources = [
    { file: 'a.ts', typescript: 1500, javascript: 1000 },
    { file: 'b/c.ts', typescript: 2500, javascript: 2000 },
  ];
  expect(describeSizes(sources, [{ file: 'index.js', bytes: 900 }], [{ file: 'index.js', bytes: 300 }])).toBe(
    `| step | files | size |
| --- | ---: | ---: |
| TypeScript | 2 | 4.0 kB |
| without types | 2 | 3.0 kB |
| bundled | 1 | 0.9 kB |
| gzipped | 1 | 0.3 kB |

| bundle | size | gzipped |
| --- | ---: | ---: |
| index.js | 0.9 kB | 0.3 kB |
`,
  );
});
