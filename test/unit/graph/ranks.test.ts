import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeRoom, newRank, pathBetween, type Ranked } from '../../../src/graph/ranks.js';

class Item implements Ranked<Item> {
  rank = newRank();
  readonly earlier = new Set<Item>();
  readonly later = new Set<Item>();
  looks = 0;

  before() {
    this.looks++;
    return this.earlier;
  }

  after() {
    this.looks++;
    return this.later;
  }

  to(next: Item): boolean {
    if (!makeRoom<Item>(this, next)) return false;
    this.later.add(next);
    next.earlier.add(this);
    return true;
  }
}

const items = (count: number) => Array.from({ length: count }, () => new Item());
const at = (list: readonly Item[], index: number) => list[index] as Item;

function reaches(from: Item, to: Item): boolean {
  const found = new Set([from]);
  for (const item of found) for (const next of item.later) found.add(next);
  return found.has(to);
}

test('whatever edges are added, one is refused exactly if it would close a cycle, and ranks follow the edges', () => {
  const edge = fc.tuple(fc.nat(14), fc.nat(14));
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 120 }), (edges) => {
      const list = items(15);
      for (const [i, k] of edges) {
        const [from, to] = [at(list, i), at(list, k)];
        expect(from.to(to)).toBe(!reaches(to, from) || (from !== to && from.later.has(to)));
        for (const item of list) for (const next of item.later) expect(item.rank).toBeLessThan(next.rank);
      }
    }),
    { numRuns: 300 },
  );
});

test('the path is a shortest one, from the first to the last', () => {
  const list = items(6);
  for (const [i, k] of [
    [0, 1],
    [1, 2],
    [2, 3],
    [0, 4],
    [4, 3],
    [3, 5],
  ] as const)
    at(list, i).to(at(list, k));
  const path = pathBetween<Item>(at(list, 0), at(list, 5)).map((item) => list.indexOf(item));
  expect(path).toEqual([0, 4, 3, 5]);
});

describe.each([
  ['forwards', (list: readonly Item[]) => list.slice(1).map((item, i) => [at(list, i), item] as const)],
  ['backwards', (list: readonly Item[]) => list.slice(1).map((item, i) => [item, at(list, i)] as const)],
  [
    'forwards, with a second edge over each item',
    (list: readonly Item[]) =>
      list.slice(2).flatMap((item, i) => [[at(list, i), at(list, i + 1)] as const, [at(list, i), item] as const]),
  ],
])('a chain built %s', (_, edgesOf) => {
  test('costs a constant number of looks an edge', () => {
    const list = items(2000);
    for (const [from, to] of edgesOf(list)) expect(from.to(to)).toBe(true);
    const looks = list.reduce((sum, item) => sum + item.looks, 0);
    expect(looks).toBeLessThan(8 * list.length);
  });
});
