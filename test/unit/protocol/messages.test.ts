import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeError } from '../../../src/protocol/error-record.js';
import {
  type Commands,
  CommandWriter,
  endOfCommand,
  endOfReport,
  type Reports,
  ReportWriter,
  readCommands,
  readReports,
  split,
} from '../../../src/protocol/messages.js';
import { type Said, scribe } from './scribe.js';

const record = encodeError(new Error('x'));
const natural = fc.nat();
const anything = fc.anything();

const commands: fc.Arbitrary<Said> = fc.oneof(
  fc.tuple(fc.constant('source'), natural, fc.string()),
  fc.tuple(fc.constant('reference'), natural, fc.string(), fc.string()),
  fc.tuple(fc.constant('forget')),
  fc.tuple(
    fc.constant('run'),
    natural,
    natural,
    natural,
    fc.oneof(fc.string(), natural),
    natural,
    anything,
    fc.array(anything),
  ),
  fc.tuple(fc.constant('abort'), natural, natural, fc.constant(record)),
  fc.tuple(fc.constant('recall'), natural, natural),
  fc.tuple(fc.constant('pull'), natural, natural),
  fc.tuple(fc.constant('close'), natural, natural),
  fc.tuple(fc.constant('measure')),
  fc.tuple(fc.constant('stayAwake'), natural),
  fc.tuple(fc.constant('stop')),
);

const reports: fc.Arbitrary<Said> = fc.oneof(
  fc.tuple(fc.constant('ready')),
  fc.tuple(fc.constant('done'), natural, anything, natural, natural),
  fc.tuple(fc.constant('failed'), natural, fc.constant(record), natural, natural),
  fc.tuple(fc.constant('progress'), natural, anything),
  fc.tuple(fc.constant('aborted'), natural, natural),
  fc.tuple(fc.constant('recalled'), natural, natural, fc.boolean()),
  fc.tuple(fc.constant('measured'), natural),
  fc.tuple(fc.constant('crashed'), fc.constant(record)),
  fc.tuple(fc.constant('iterates'), natural, natural, natural),
  fc.tuple(fc.constant('items'), natural, fc.array(anything)),
  fc.tuple(fc.constant('iterated'), natural, fc.constantFrom(null, record)),
  fc.tuple(fc.constant('ends')),
);

function write<W extends CommandWriter | ReportWriter>(writer: W, said: readonly Said[]): unknown[] {
  for (const [name, ...fields] of said) {
    (writer as unknown as Record<string, (...fields: unknown[]) => void>)[name]?.(...fields);
  }
  return writer.take();
}

describe('What the parent says', () => {
  test('arrives as it was said, in order', () => {
    fc.assert(
      fc.property(fc.array(commands), (all) => {
        const { to, said } = scribe<Commands>();
        readCommands(write(new CommandWriter(), all), to);
        expect(said).toEqual(all);
      }),
    );
  });

  test('can be split into its parts', () => {
    fc.assert(
      fc.property(fc.array(commands), (all) => {
        const parts = split(write(new CommandWriter(), all), endOfCommand);
        expect(parts).toHaveLength(all.length);
        const { to, said } = scribe<Commands>();
        for (const part of parts) readCommands(part, to);
        expect(said).toEqual(all);
      }),
    );
  });
});

describe('What a thread or process says', () => {
  test('arrives as it was said, in order', () => {
    fc.assert(
      fc.property(fc.array(reports), (all) => {
        const { to, said } = scribe<Reports>();
        readReports(write(new ReportWriter(), all), to);
        expect(said).toEqual(all);
      }),
    );
  });

  test('can be split into its parts', () => {
    fc.assert(
      fc.property(fc.array(reports), (all) => {
        expect(split(write(new ReportWriter(), all), endOfReport)).toHaveLength(all.length);
      }),
    );
  });

  test('is refused if it is no message', () => {
    const { to, said } = scribe<Reports>();
    for (const message of [undefined, null, 5, 'text', {}, new Map(), true]) {
      expect(() => readReports(message, to)).toThrow(TypeError);
    }
    expect(said).toEqual([]);
  });

  test('is refused if an operation is unknown, cut short, or has fields of another kind', () => {
    const messages: unknown[][] = [
      [-1],
      [99],
      [0.5],
      ['0'],
      [null],
      [{}],
      ['__proto__'],
      ['length'],
      [Number.NaN],
      [1, 0, 'value', 1],
      [1, '0', 'value', 1, 1],
      [1, 0, 'value', '1', 1],
      [1, 0, 'value', 1, null],
      [2, 0, 'no record', 1, 1],
      [2, 0, null, 1, 1],
      [2, 0, { type: 'seen', index: 0 }, 1, 1],
      [2, 0, { type: 'nonsense' }, 1, 1],
      [3, 'slot', 1],
      [4, 0],
      [4, 0, '0'],
      [5, {}, 0, true],
      [6, '1000'],
      [7, 'error'],
      [8, 0, 1],
      [8, 0, '1', 1],
      [9, 0, 'items'],
      [9, '0', []],
      [10, 0, 'error'],
    ];
    for (const message of messages) {
      const { to, said } = scribe<Reports>();
      expect(() => readReports(message, to), JSON.stringify(message)).toThrow(TypeError);
      expect(said).toEqual([]);
    }
  });

  test('is either understood or refused, whatever it is', () => {
    const nonsense = fc.array(fc.oneof(fc.integer({ min: -1, max: 12 }), anything));
    fc.assert(
      fc.property(nonsense, (message) => {
        const { to } = scribe<Reports>();
        try {
          readReports(message, to);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
        }
      }),
    );
  });
});
