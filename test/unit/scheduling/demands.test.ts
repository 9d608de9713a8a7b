import { describe, expect, test } from 'vitest';
import { Demands } from '../../../src/scheduling/demands.js';
import { Limiter } from '../../../src/scheduling/limiter.js';
import { Places } from '../../../src/scheduling/places.js';
import { Desk } from '../../../src/scheduling/seat.js';

const [threads, processes] = [new Desk('thread'), new Desk('process')];

function placesAt(...desks: Desk[]): Places {
  const places = new Places(0);
  for (const desk of desks) places.add(desk, 1);
  return places;
}

describe('Places', () => {
  test('are taken once, at one desk after the other', () => {
    const places = placesAt(threads, processes, processes);
    expect(places.take([threads, processes], 2, [])).toBe(2);
    expect(places.take([threads], 1, [])).toBe(0);
    expect(places.take([processes], 2, [])).toBe(1);
  });

  test('are taken by as many as limits allow, whoever of them it is', () => {
    const [limiter, other] = [new Limiter(), new Limiter()];
    limiter.limit({ concurrency: 2 });
    other.limit({ concurrency: 1 });
    const places = placesAt(threads, threads, threads, threads);
    expect(places.take([threads], 3, [limiter, other])).toBe(1);
    expect(places.take([threads], 3, [limiter])).toBe(1);
    expect(places.take([threads], 3, [limiter])).toBe(0);
    expect(places.take([threads], 3, [])).toBe(2);
  });
});

describe('What waits', () => {
  test('takes places first where it has the fewest to choose from', () => {
    const demands = new Demands();
    for (const desks of [[threads, processes], [threads]]) demands.of(desks).size++;
    expect(demands.claim(placesAt(threads, processes), new Limiter(), [])).toBe(2);
  });

  test('and has run before takes its place before what has not', () => {
    const demands = new Demands();
    const demand = demands.of([threads]);
    [demand.size, demand.repeated] = [3, 1];
    expect(demands.claim(placesAt(threads, threads), new Limiter(), [])).toBe(1);
  });
});
