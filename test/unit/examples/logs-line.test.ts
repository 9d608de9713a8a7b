import { describe, expect, it } from 'vitest';
import { parseLine } from '../../../examples/logs/log-line.js';

const COMMON = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326';
const COMBINED = `${COMMON} "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"`;

describe('a line of an access log', () => {
  it('is read in the common format', () => {
    expect(parseLine(COMMON)).toEqual({
      format: 'common',
      time: Date.UTC(2000, 9, 10, 20, 55, 36),
      address: '127.0.0.1',
      user: 'frank',
      request: 'GET /apache_pb.gif HTTP/1.0',
      status: 200,
      bytes: 2326,
      referrer: null,
      agent: null,
    });
  });

  it('is read in the combined format', () => {
    expect(parseLine(COMBINED)).toMatchObject({
      format: 'combined',
      address: '127.0.0.1',
      bytes: 2326,
      referrer: 'http://www.example.com/start.html',
      agent: 'Mozilla/4.08 [en] (Win98; I ;Nav)',
    });
  });

  it('may have dashes for what is unknown', () => {
    expect(parseLine('192.0.2.7 - - [01/Jan/2026:00:00:00 +0000] "-" 408 - "-" "-"')).toMatchObject({
      format: 'combined',
      user: null,
      request: '-',
      status: 408,
      bytes: 0,
      referrer: null,
      agent: null,
    });
  });

  it.each(['::1', '2001:db8::8a2e:370:7334', '::ffff:192.0.2.1', 'fe80::1%eth0', 'crawler.example.org'])(
    'may come from %s',
    (address) => {
      expect(parseLine(COMMON.replace('127.0.0.1', address))).toMatchObject({ address });
    },
  );

  it.each([
    ['+0000', 13, 55],
    ['-0700', 20, 55],
    ['+0530', 8, 25],
    ['-0330', 17, 25],
  ])('has its time in the zone %s', (zone, hour, minute) => {
    expect(parseLine(COMMON.replace('-0700', zone))?.time).toBe(Date.UTC(2000, 9, 10, hour, minute, 36));
  });

  it('may have a user name with spaces', () => {
    expect(parseLine(COMMON.replace('frank', 'Frank N. Stein'))).toMatchObject({ user: 'Frank N. Stein' });
  });

  it('may have escaped quotes and backslashes in whatever is quoted', () => {
    const line = String.raw`192.0.2.7 - - [01/Jan/2026:00:00:00 +0000] "GET /?q=\"a b\" HTTP/1.1" 200 5 "https://example.org/\\" "\"agent\" \"`;
    expect(parseLine(line)).toBeNull();
    expect(parseLine(`${line}x\\""`)).toMatchObject({
      request: 'GET /?q="a b" HTTP/1.1',
      referrer: 'https://example.org/\\',
      agent: '"agent" "x"',
    });
  });

  it('may have a request that is none', () => {
    const line = String.raw`192.0.2.7 - - [01/Jan/2026:00:00:00 +0000] "\x16\x03\x01\x02" 400 226 "-" "-"`;
    expect(parseLine(line)).toMatchObject({ request: String.raw`\x16\x03\x01\x02`, status: 400 });
    expect(parseLine(COMMON.replace(/"G.*"/, '""'))).toMatchObject({ request: '' });
  });

  it('may have more fields after those of the combined format', () => {
    expect(parseLine(`${COMBINED} "203.0.113.9" 0.004`)).toMatchObject({ format: 'combined', status: 200 });
  });

  it.each([
    ['has nothing in it', ''],
    ['is of another log', 'Nov 21 04:26:01 host cron[1]: (root) CMD (true)'],
    ['is of the error log', '[Wed Oct 11 14:32:52 2000] [error] [client 127.0.0.1] client denied'],
    ['breaks off in the request', COMMON.slice(0, 70)],
    ['breaks off before the status', COMMON.slice(0, -9)],
    ['breaks off in the user agent', COMBINED.slice(0, -1)],
    ['has only a referrer', `${COMMON} "https://example.org/"`],
    ['has a month that is none', COMMON.replace('Oct', 'Okt')],
    ['has no time zone', COMMON.replace(' -0700', '')],
    ['has a status that is no number', COMMON.replace('200', 'OK')],
    ['has a quote too many', COMMON.replace('pb.gif', 'pb".gif')],
  ])('is none if it %s', (_, line) => {
    expect(parseLine(line)).toBeNull();
  });

  it('takes no longer the more it looks like one without being one', () => {
    const almost = [
      `${'a '.repeat(20_000)}[10/Oct/2000`,
      `${COMMON.slice(0, -8)}${'"\\'.repeat(20_000)}`,
      `${COMBINED.slice(0, -1)}${'\\"'.repeat(20_000)}`,
      `- - ${'[10/Oct/2000:13:55:36 -0700] "'.repeat(2_000)}`,
    ];
    for (const line of almost) expect(parseLine(line)).toBeNull();
  });
});

describe("a line of Debian's dpkg.log", () => {
  const time = new Date(2025, 5, 24, 14, 36, 25).getTime();

  it.each([
    ['startup archives unpack', 'startup archives unpack', null, null],
    ['startup packages configure', 'startup packages configure', null, null],
    ['upgrade libsystemd0:amd64 252.36-1~deb12u1 252.38-1~deb12u1', 'upgrade', 'libsystemd0:amd64', '252.38-1~deb12u1'],
    ['install man-db:amd64 <none> 2.11.2-2', 'install', 'man-db:amd64', '2.11.2-2'],
    ['configure libc-bin:amd64 2.36-9+deb12u10 <none>', 'configure', 'libc-bin:amd64', '2.36-9+deb12u10'],
    ['trigproc ca-certificates:all 20230311+deb12u1 <none>', 'trigproc', 'ca-certificates:all', '20230311+deb12u1'],
    ['remove vim-tiny:amd64 2:9.0.1378-2 <none>', 'remove', 'vim-tiny:amd64', '2:9.0.1378-2'],
    ['purge nano:amd64 <none> <none>', 'purge', 'nano:amd64', null],
    [
      'status triggers-pending libc-bin:amd64 2.36-9+deb12u10',
      'status triggers-pending',
      'libc-bin:amd64',
      '2.36-9+deb12u10',
    ],
    ['status not-installed nano:amd64 <none>', 'status not-installed', 'nano:amd64', null],
    ['conffile /etc/default/my file keep', 'conffile keep', null, null],
  ])('is read: %s', (entry, action, name, version) => {
    expect(parseLine(`2025-06-24 14:36:25 ${entry}`)).toEqual({
      format: 'dpkg',
      time,
      action,
      package: name,
      version,
    });
  });

  it.each([
    ['has no action', '2025-06-24 14:36:25 '],
    ['has an unknown action', '2025-06-24 14:36:25 devour libc6:amd64 1 2'],
    ['breaks off', '2025-06-24 14:36:25 status installed'],
    ['has a word too many', '2025-06-24 14:36:25 install libc6:amd64 <none> 2.36 2.37'],
    ['has a day that is none', '2025-13-41 14:36:25 startup archives unpack'],
    ['has a decision that is none', '2025-06-24 14:36:25 conffile /etc/motd maybe'],
    ['is of update-alternatives', 'update-alternatives 2025-06-24 14:36:53: run with --quiet'],
  ])('is none if it %s', (_, line) => {
    expect(parseLine(line)).toBeNull();
  });
});
