import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { parseCommandLine, USAGE, UsageError } from '../../../examples/logs/cli.js';

function parse(...args: string[]) {
  const options = parseCommandLine(args);
  if (options === 'help') throw new Error('It asks for help');
  return options;
}

describe('the command line of the logs example', () => {
  it('reads the files on a thread a core and shows ten entries of each sort when nothing is said', () => {
    expect(parse('access.log', 'access.log.1.gz')).toEqual({
      files: ['access.log', 'access.log.1.gz'],
      demo: false,
      ignore: [],
      top: 10,
      workers: 'thread',
      count: availableParallelism(),
    });
  });

  it('takes options before, between and after the files', () => {
    const options = parse('--top', '3', 'a.log', '--workers=process', 'b.log', '--count', '5');
    expect(options).toMatchObject({ files: ['a.log', 'b.log'], top: 3, workers: 'process', count: 5 });
  });

  it('takes as many addresses to ignore as are given, IPv6 ones in the form that servers log', () => {
    const { ignore } = parse('--ignore', '192.0.2.1', '--ignore', '2001:DB8:0::1', '--ignore=crawler.example', 'a');
    expect(ignore).toEqual(['192.0.2.1', '2001:db8::1', 'crawler.example']);
  });

  it('needs no files for the demo', () => {
    expect(parse('--demo')).toMatchObject({ files: [], demo: true });
  });

  it('takes what follows two dashes for files', () => {
    expect(parse('--', '--top', '-h', '-1').files).toEqual(['--top', '-h', '-1']);
  });

  it.each(['-h', '--help'])('shows help for %s, whatever else is there', (option) => {
    expect(parseCommandLine(['--top', '0', option])).toBe('help');
  });

  it('mentions every option in the usage', () => {
    for (const option of ['--ignore', '--top', '--workers', '--count', '--demo', '-h, --help']) {
      expect(USAGE).toContain(option);
    }
  });

  it.each([
    [[], '`FILES`', 'none'],
    [[''], '`FILES`', '``'],
    [['--demo', 'a.log'], '`--demo`', '`a.log`'],
    [['--top', '0', 'a'], '`--top`', '`0`'],
    [['--top', '1001', 'a'], '`--top`', '`1001`'],
    [['--top', '1e2', 'a'], '`--top`', '`1e2`'],
    [['--top', '', 'a'], '`--top`', '``'],
    [['--top=-3', 'a'], '`--top`', '`-3`'],
    [['--top', '-3', 'a'], '`--top`', '`-3`'],
    [['--top'], '--top', 'missing'],
    [['--count', '257', 'a'], '`--count`', '`257`'],
    [['--count', '1.5', 'a'], '`--count`', '`1.5`'],
    [['--workers', 'async', 'a'], '`--workers`', '`async`'],
    [['--ignore', '300.1.2.3', 'a'], '`--ignore`', '`300.1.2.3`'],
    [['--ignore', '::fffff', 'a'], '`--ignore`', '`::fffff`'],
    [['--ignore', '10.0.0.0/8', 'a'], '`--ignore`', '`10.0.0.0/8`'],
    [['--ignore', '', 'a'], '`--ignore`', '``'],
    [['--colour', 'a'], '--colour', 'Unknown'],
    [['-x', 'a'], '-x', 'Unknown'],
  ])('refuses %j, naming argument and value', (args, name, value) => {
    expect(() => parseCommandLine(args)).toThrow(UsageError);
    expect(() => parseCommandLine(args)).toThrow(name);
    expect(() => parseCommandLine(args)).toThrow(value);
  });
});
