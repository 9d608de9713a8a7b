import { instance } from '@viz-js/viz';
import fc from 'fast-check';
import { type NodeState, stateDiagram, TaskNode, toDot, toMermaid, toSvg } from 'niceq/graph';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ok } from './helpers.js';

let viz: Awaited<ReturnType<typeof instance>>;

beforeEach(async () => {
  viz = await instance();
});

afterEach(() => {
  vi.doUnmock('@viz-js/viz');
  vi.resetModules();
});

/** The lines of text in an SVG, as a browser would show them. */
function textsOf(svg: string): string[] {
  const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' };
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) =>
    text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (_, decimal, hex, name) =>
      name ? (entities[name] ?? '?') : String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16)),
    ),
  );
}

const nasty = [
  '"',
  '\\',
  '\\N',
  '\\"',
  'a\nb',
  'a\r\nb',
  '&amp;',
  '<b>',
  '👩‍🚀',
  '\\',
  '}',
  '//',
  '\u0000',
  'é',
  '#34;',
  '`x`',
  ']',
  '-->',
];

describe('toDot', () => {
  test('draws the given nodes, each once, and the edges between them', () => {
    const [a, b, c] = [ok('a', { state: 'DONE' }), ok('b'), ok('c')];
    a.andThen(b).andThen(c);
    expect(toDot([a, b, a])).toBe(
      `digraph tasks {
  "n1"[style=filled,fillcolor=green,label="a\\nDONE"]
  "n2"[style=filled,fillcolor=white,label="b\\nPENDING"]
  "n1" -> "n2"
}
`,
    );
  });

  test('sorts dependents by name', () => {
    const root = ok('root');
    const nodes = ['c', 'a', 'b'].map((name) => root.andThen(ok(name)));
    expect(toDot([root, ...nodes]).match(/-> .*/g)).toEqual(['-> "n3"', '-> "n4"', '-> "n2"']);
  });

  test('follows dependents, or what is required, if asked to', () => {
    const [a, b, c] = [ok('a'), ok('b'), ok('c')];
    a.andThen(b).andThen(c);
    const names = (dot: string) => [...dot.matchAll(/label="(\w+)/g)].map(([, name]) => name);
    expect(names(toDot([b]))).toEqual(['b']);
    expect(names(toDot([b], { followDependents: true }))).toEqual(['b', 'c']);
    expect(names(toDot([b], { followRequired: true }))).toEqual(['b', 'a']);
    expect(toDot([a], { followDependents: true })).toContain('"n2" -> "n3"');
  });

  test.each([
    ['build', 'digraph build {'],
    ['my build', 'digraph "my build" {'],
    ['digraph', 'digraph "digraph" {'],
    ['Node', 'digraph "Node" {'],
    ['1a', 'digraph "1a" {'],
    ['', 'digraph "" {'],
  ])('the name %s: %s', (name, line) => {
    const dot = toDot([ok('a')], { name });
    expect(dot.split('\n')[0]).toBe(line);
    expect(viz.render(dot).status).toBe('success');
  });

  test.each<[NodeState, string]>([
    ['PREPARE', 'white'],
    ['PENDING', 'white'],
    ['QUEUED', 'white'],
    ['RUNNING', 'yellow'],
    ['DONE', 'green'],
    ['FAILED', 'red'],
    ['CANCELLED', 'gray'],
    ['ABORTED', 'darkred'],
  ])('%s is %s', (state, color) => {
    expect(toDot([ok('a', { state })])).toContain(`fillcolor=${color},`);
  });

  test.each(nasty)('Graphviz shows the name %j as it is', (name) => {
    const lines = textsOf(viz.renderString(toDot([ok(name)], { name }), { format: 'svg' }));
    expect(lines.join('\n').replaceAll('\u00a0', ' ')).toBe(
      `${name.replace('\r\n', '\n').replace('\0', '\u2400')}\nPENDING`,
    );
  });

  test('Graphviz draws any text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.constantFrom(...nasty, '\ud800', '\u001b', '\u007f', '\uffff')).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 25, size: 'max' }), text, (names, name) => {
        const nodes = names.map((one) => ok(one));
        nodes.reduce((last, node) => last.andThen(node));
        const { status, errors } = viz.render(toDot(nodes, { name }), { format: 'svg' });
        // It warns of characters it does not know the width of.
        expect([status, errors.filter(({ level }) => level === 'error')]).toEqual(['success', []]);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  // An instance that was given empty lines crashed at the second picture or the third.
  test('Graphviz draws names with empty lines, again and again', () => {
    const nodes = ['', '\n', 'a\n\nb', '\r\r\n\na'].map((name) => ok(name));
    const shown = ['', '', '', 'a', '', 'b', '', '', '', 'a'];
    for (let picture = 0; picture < 20; picture++) {
      const svg = viz.renderString(toDot(nodes, { name: 'x'.repeat(picture) }), { format: 'svg' });
      const lines = textsOf(svg).filter((line) => line !== 'PENDING');
      expect(lines.map((line) => line.trim())).toEqual(shown);
    }
  });

  test('what is no node, or no option, is refused', () => {
    expect(() => toDot([5 as never])).toThrow(TypeError);
    expect(() => toDot([], { name: 5 as never })).toThrow('Expected `name` to be a string');
    expect(() => toDot([], { followDependents: 5 as never })).toThrow('Expected `followDependents` to be a boolean');
  });
});

test('the state diagram is one that Graphviz accepts', () => {
  expect(viz.render(stateDiagram())).toMatchObject({ status: 'success', errors: [] });
});

describe('toSvg', () => {
  test('is an SVG of the nodes at the time of the call', async () => {
    const node = ok('compile & link');
    const svg = toSvg([node]);
    await node.make();
    expect(await svg).toMatch(/^<\?xml[\s\S]*<svg /);
    expect(textsOf(await svg)).toEqual(['compile & link', 'PENDING']);
  });

  test('without @viz-js/viz: an error that says what to install', async () => {
    vi.doMock('@viz-js/viz', () => ({
      get instance() {
        throw Object.assign(new Error("Cannot find package '@viz-js/viz'"), { code: 'ERR_MODULE_NOT_FOUND' });
      },
    }));
    vi.resetModules();
    const graph = await import('../../../src/graph/index.js');
    const drawn = graph.toSvg([new graph.TaskNode('a', () => {})]);
    await expect(drawn).rejects.toThrow(
      'toSvg() needs the package @viz-js/viz: install it with `npm install @viz-js/viz`',
    );
  });

  test("with one that can't be loaded: an error that says why", async () => {
    vi.doMock('@viz-js/viz', () => ({ instance: () => Promise.reject(new Error('no memory')) }));
    vi.resetModules();
    const graph = await import('../../../src/graph/index.js');
    const drawn = graph.toSvg([new graph.TaskNode('a', () => {})]);
    await expect(drawn).rejects.toThrow('toSvg() could not load @viz-js/viz: no memory');
  });

  test('of more than Graphviz can draw: an error that says how much it was, and what to do', async () => {
    const renderString = () => {
      throw new RangeError('Maximum call stack size exceeded');
    };
    vi.doMock('@viz-js/viz', () => ({ instance: async () => ({ renderString }) }));
    vi.resetModules();
    const graph = await import('../../../src/graph/index.js');
    const a = new graph.TaskNode('a', () => {});
    const drawn = graph.toSvg([a, a.andThen('b', () => {})]);
    await expect(drawn).rejects.toThrow(
      'toSvg() could not draw this graph (nodes: 2, edges: 1): RangeError: Maximum call stack size exceeded. ' +
        'Draw fewer nodes, or give what toDot() returns to Graphviz itself',
    );
  });
});

describe('toMermaid', () => {
  test('draws nodes, edges, and a class for each state there is', () => {
    const a = new TaskNode('a', () => {}, { state: 'DONE' });
    const b = a.andThen(ok('b'));
    expect(toMermaid([a, b])).toBe(
      `flowchart LR
  n1["a<br/>DONE"]:::DONE
  n2["b<br/>PENDING"]:::PENDING
  n1 --> n2
  classDef PENDING fill:white,stroke:#333,color:black
  classDef DONE fill:green,stroke:#333,color:white
`,
    );
  });

  test('no text of a name is taken for syntax', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...nasty, 'a', ' ')).map((parts) => parts.join('')),
        (name) => {
          const lines = toMermaid([ok(name)]).split('\n');
          expect(lines).toHaveLength(4);
          expect(lines[1]).toMatch(/^ {2}n1\["[^"'`\\*]*<br\/>PENDING"\]:::PENDING$/);
        },
      ),
    );
  });
});
