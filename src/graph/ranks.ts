/** Something that goes before and after others. */
export interface Ranked<T> {
  /** Greater than that of all it comes after. */
  rank: number;
  /** What it comes after. */
  before(): Iterable<T>;
  /** What comes after it. */
  after(): Iterable<T>;
}

let lowest = 0;
let highest = 0;

/** The rank of something new, which neither comes after anything nor has anything after it. */
export function newRank(): number {
  return ++highest;
}

/**
 * Makes room for an edge from `first` to `last`: gives them ranks in that order. Returns false and changes nothing if
 * `last` comes before `first` already, so that the edge would close a cycle.
 *
 * Invariant: every rank is greater than those of all that comes before. Hence an edge that agrees with the ranks needs no
 * search. For one that does not, either all that comes before `first` can be moved below everything else, or all that
 * comes after `last` above it, whichever are fewer: both are explored in turn, a step each, until one is exhausted. A
 * node that has no edges yet costs nothing, whichever way a graph is built.
 */
export function makeRoom<T extends Ranked<T>>(first: T, last: T): boolean {
  if (first === last) return false;
  if (first.rank < last.rank) return true;
  const up = new Exploration(first, (node) => node.before());
  const down = new Exploration(last, (node) => node.after());
  for (;;) {
    if (!up.step()) {
      if (up.found.has(last)) return false;
      for (const node of up.byRank().reverse()) node.rank = --lowest;
      return true;
    }
    if (!down.step()) {
      if (down.found.has(first)) return false;
      for (const node of down.byRank()) node.rank = ++highest;
      return true;
    }
  }
}

/** The way from `first` to `last`, both included, by what comes after; of several a shortest. There has to be one. */
export function pathBetween<T extends Ranked<T>>(first: T, last: T): T[] {
  const cameFrom = new Map<T, T | null>([[first, null]]);
  for (const node of cameFrom.keys()) {
    if (node === last) break;
    for (const next of node.after()) if (!cameFrom.has(next)) cameFrom.set(next, node);
  }
  const path: T[] = [];
  for (let at: T | null | undefined = last; at; at = cameFrom.get(at)) path.push(at);
  return path.reverse();
}

/** Everything that can be reached from a node in one direction, found an edge at a time. */
class Exploration<T extends Ranked<T>> {
  readonly found: Set<T>;
  readonly #nodes: Iterator<T>;
  readonly #next: (node: T) => Iterable<T>;
  #edges: Iterator<T>;

  constructor(from: T, next: (node: T) => Iterable<T>) {
    this.found = new Set([from]);
    // A set's iterator also visits what is added on the way.
    this.#nodes = this.found.values();
    this.#nodes.next();
    this.#next = next;
    this.#edges = next(from)[Symbol.iterator]();
  }

  /** Follows an edge, or goes on to the next node; false when there is nothing more to find. */
  step(): boolean {
    const edge = this.#edges.next();
    if (!edge.done) {
      this.found.add(edge.value);
      return true;
    }
    const node = this.#nodes.next();
    if (node.done) return false;
    this.#edges = this.#next(node.value)[Symbol.iterator]();
    return true;
  }

  byRank(): T[] {
    return [...this.found].sort((a, b) => a.rank - b.rank);
  }
}
