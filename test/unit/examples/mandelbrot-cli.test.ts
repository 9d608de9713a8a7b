import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { parseCommandLine, USAGE, UsageError } from '../../../examples/mandelbrot/cli.js';

function parse(...args: string[]) {
  const options = parseCommandLine(args);
  if (options === 'help') throw new Error('It asks for help');
  return options;
}

describe('the command line of the Mandelbrot example', () => {
  it('renders the whole set, 2000 pixels wide, on a thread a core when nothing is said', () => {
    expect(parse()).toEqual({
      view: { width: 2000, height: 1500, re: -0.7, im: 0, halfHeight: 1.2, iterations: 1000 },
      output: 'mandelbrot.png',
      workers: 'thread',
      count: availableParallelism(),
    });
  });

  it('takes width, centre and half height by position, with either sign', () => {
    const { view, output } = parse('-o', 'detail.png', '3000', '-0.73249', '+0.21653', '0.0112');
    expect(output).toBe('detail.png');
    expect(view).toMatchObject({ width: 3000, height: 2250, re: -0.73249, im: 0.21653, halfHeight: 0.0112 });
  });

  it.each([
    ['-.5', -0.5],
    ['-1e-3', -0.001],
    ['-2.', -2],
    ['0', 0],
  ])('reads %s as a number', (text, value) => {
    expect(parse('100', text).view.re).toBe(value);
  });

  it('takes options after and between the positions', () => {
    const options = parse(
      '64',
      '--workers',
      'process',
      '-0.5',
      '--count',
      '3',
      '-0.25',
      '--iterations=77',
      '--output=a.png',
    );
    expect(options).toMatchObject({ workers: 'process', count: 3, output: 'a.png' });
    expect(options.view).toMatchObject({ width: 64, height: 48, re: -0.5, im: -0.25, iterations: 77 });
  });

  it('iterates longer where the view is smaller, unless told how long', () => {
    const iterations = ['4', '0.1', '0.001'].map((halfHeight) => parse('64', '0', '0', halfHeight).view.iterations);
    expect(iterations).toEqual([...iterations].sort((a, b) => a - b));
    expect(iterations[0]).toBe(1000);
    expect(iterations[2]).toBeGreaterThan(5000);
    expect(parse('64', '0', '0', '0.001', '--iterations', '50').view.iterations).toBe(50);
  });

  it.each(['-h', '--help'])('shows help for %s, whatever else is there', (option) => {
    expect(parseCommandLine(['64', option])).toBe('help');
  });

  it('mentions every option in the usage', () => {
    for (const option of ['-o, --output', '--workers', '--count', '--iterations', '-h, --help']) {
      expect(USAGE).toContain(option);
    }
  });

  it.each([
    [['15'], '`width`', '`15`'],
    [['20001'], '`width`', '`20001`'],
    [['100.5'], '`width`', '`100.5`'],
    [['wide'], '`width`', '`wide`'],
    [['0x100'], '`width`', '`0x100`'],
    [[''], '`width`', '``'],
    [['64', '-0.7.1'], '`re`', '`-0.7.1`'],
    [['64', '-5'], '`re`', '`-5`'],
    [['64', '0', 'i'], '`im`', '`i`'],
    [['64', '0', '0', '0'], '`half-height`', '`0`'],
    [['64', '0', '0', '-1'], '`half-height`', '`-1`'],
    [['64', '0', '0', '1e-11'], '`half-height`', '`1e-11`'],
    [['64', '0', '0', '1e999'], '`half-height`', '`1e999`'],
    [['64', '0', '0', '1', '9'], 'argument', '`9`'],
    [['--iterations', '0'], '`--iterations`', '`0`'],
    [['--iterations', '-8'], '`--iterations`', '`-8`'],
    [['--iterations', 'many'], '`--iterations`', '`many`'],
    [['--count', '0'], '`--count`', '`0`'],
    [['--count', '1.5'], '`--count`', '`1.5`'],
    [['--workers', 'remote'], '`--workers`', '`remote`'],
    [['--workers', 'async', '--count', '2'], '--count', '2'],
    [['--output', ''], '`--output`', '``'],
    [['--output'], '--output', 'missing'],
    [['--colour', 'red'], '--colour', 'Unknown'],
    [['-x'], '-x', 'Unknown'],
  ])('refuses %j, naming argument and value', (args, name, value) => {
    expect(() => parseCommandLine(args)).toThrow(UsageError);
    expect(() => parseCommandLine(args)).toThrow(name);
    expect(() => parseCommandLine(args)).toThrow(value);
  });
});
