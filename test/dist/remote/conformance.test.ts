import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conformance } from '../conformance/conformance.js';
import { hasRedis, SharedRedis } from './redis.js';
import { ServedWorker } from './served-worker.js';

describe.runIf(hasRedis)('A BullWorker', () => {
  let redis: SharedRedis;
  beforeAll(async () => {
    redis = await SharedRedis.open();
  });
  afterAll(() => redis.close());

  conformance((options) => new ServedWorker(redis, options), { kind: 'remote', home: 'server', loadsModules: true });

  test('and its server leave nothing in Redis but kept updates', async () => {
    await ServedWorker.ended();
    expect((await redis.keys()).filter((key) => !key.endsWith(':updates'))).toEqual([]);
  });
});
