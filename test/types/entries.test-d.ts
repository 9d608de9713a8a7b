import * as niceq from 'niceq';
import * as bullmq from 'niceq/bullmq';
import type * as source from 'niceq/source';
import { expectTypeOf, test } from 'vitest';

test('every entry has what its own exports speak of', () => {
  expectTypeOf<source.Logger>().toEqualTypeOf<niceq.Logger>();
  expectTypeOf<bullmq.Logger>().toEqualTypeOf<niceq.Logger>();
  expectTypeOf(bullmq.NiceqError).toEqualTypeOf(niceq.NiceqError);
});
