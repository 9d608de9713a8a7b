import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { taskModule } from 'niceq';
import { describe, expect, test } from 'vitest';
import { encode } from '../../../src/bullmq/codec.js';
import { keepUpdate } from '../../../src/bullmq/kept-updates.js';
import { Keys } from '../../../src/bullmq/keys.js';
import { tasks } from '../conformance/conformance.js';
import { Command } from './command.js';
import { hasRedis, RedisServer } from './redis.js';
import { setScene } from './scene.js';

const module = `tasks=${fileURLToPath(tasks.add.url)}`;

describe('niceq', () => {
  test.each([
    [['--nonsense'], 2, '`--nonsense`'],
    [['serve', '--name', 'a:b', module], 2, '`a:b`'],
    [['serve', '--name', 'a', '--redis', 'redis://localhost', 'nowhere.js'], 2, 'nowhere.js'],
    [['--help'], 0, 'Usage: niceq serve'],
    [['serve', '--help'], 0, '--threads N'],
  ])('%j ends with %i', async (args, code, text) => {
    const command = new Command(args);
    expect(await command.end).toBe(code);
    expect(command.output).toContain(text);
  });

  test('hides a password in a URL that is wrong', async () => {
    const command = new Command(['serve', '--name', 'a', module], { REDIS_URL: 'http://user:secret@host' });
    expect(await command.end).toBe(2);
    expect(command.output).toContain('http://host');
    expect(command.output).not.toContain('secret');
  });
});

describe.runIf(hasRedis)('niceq serve', { timeout: 60_000 }, () => {
  const scene = setScene('command');
  const { ends } = scene;

  /** Serves the tasks at the Redis of `base`, which it is told by the environment. */
  function run(args: readonly string[] = ['--threads', '1']): Command {
    const { name, prefix, connection } = scene.base;
    const command = new Command(['serve', '--name', name, '--prefix', prefix, ...args, module], {
      REDIS_URL: connection,
    });
    ends.push(async () => {
      command.kill('SIGKILL');
      await command.end;
    });
    return command;
  }

  async function start(args?: readonly string[]): Promise<Command> {
    const command = run(args);
    await command.says('Serving');
    return command;
  }

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s under load: what runs is finished, the rest others do',
    async (signal) => {
      const first = await start(['--threads', '2']);
      const queue = await scene.openQueue();
      const held = ['a', 'b'].map((name) => queue.submit(tasks.pass, [scene.gate.port, name]));
      await Promise.all(['a', 'b'].map((name) => scene.gate.arrival(name)));
      const others = Array.from({ length: 200 }, (_, i) => queue.submit(tasks.addLater, [i, 1]));
      first.kill(signal);
      await first.says(signal);
      const second = await start(['--processes', '1', '--concurrency', '4']);
      expect(await Promise.all(others.map(({ promise }) => promise))).toEqual(others.map((_, i) => i + 1));
      scene.gate.isOpen = true;
      for (const name of ['a', 'b']) scene.gate.open(name);
      expect(await Promise.all(held.map(({ promise }) => promise))).toEqual(['a', 'b']);
      expect(held.map(({ attempts }) => attempts)).toEqual([1, 1]);
      expect(await first.end).toBe(0);
      await queue.shutdown();
      second.kill(signal);
      expect(await second.end).toBe(0);
      expect((await scene.redis.keys()).filter((key) => key.includes(scene.base.name))).toEqual([]);
    },
  );

  test('a second signal ends it at once, and its task runs elsewhere', async () => {
    const first = await start();
    const queue = await scene.openQueue();
    const held = queue.submit(tasks.pass, [scene.gate.port, 'held']);
    await scene.gate.arrival('held');
    first.kill('SIGTERM');
    await first.says('another signal');
    first.kill('SIGTERM');
    expect(await first.end).toBe('SIGTERM');
    await start();
    scene.gate.isOpen = true;
    expect([await held.promise, held.attempts]).toEqual(['held', 2]);
  });

  test('a signal that comes twice, as npx makes it, is one', async () => {
    const command = await start();
    const queue = await scene.openQueue();
    const held = queue.submit(tasks.pass, [scene.gate.port, 'held']);
    await scene.gate.arrival('held');
    command.kill('SIGINT');
    await command.says('SIGINT');
    command.kill('SIGINT');
    await command.says('another signal');
    scene.gate.open('held');
    expect(await held.promise).toBe('held');
    expect(await command.end).toBe(0);
  });

  test('what still runs after the time-out of the end runs elsewhere', async () => {
    const first = await start(['--threads', '1', '--close-timeout', '0']);
    const queue = await scene.openQueue();
    const held = queue.submit(tasks.pass, [scene.gate.port, 'held']);
    await scene.gate.arrival('held');
    first.kill('SIGTERM');
    expect(await first.end).toBe(0);
    scene.gate.isOpen = true;
    await start();
    expect([await held.promise, held.attempts]).toEqual(['held', 2]);
  });

  test('serves with a user and password, and shows neither', async () => {
    const own = await scene.ownRedis(...'--user default off --user niceq on >se:cret ~* &* +@all'.split(' '));
    scene.base = { ...scene.base, connection: own.url.replace('//', '//niceq:se%3Acret@') };
    const command = await start();
    const queue = await scene.openQueue();
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    expect(command.output).toContain(own.url);
    expect(command.output).not.toMatch(/secret|se:cret|se%3Acret/);
    scene.base = { ...scene.base, connection: own.url.replace('//', '//niceq:wrong@') };
    const refused = run();
    expect(await refused.end).toBe(1);
    expect(refused.output).toContain('WRONGPASS');
  });

  test('serves modules that are not compiled', async () => {
    const source = new URL('../fixtures/tsdoc/tasks.ts', import.meta.url);
    const { name, prefix, connection } = scene.base;
    const args = ['serve', '--name', name, '--prefix', prefix, '--threads', '1', '--redis', connection];
    const command = new Command([...args, fileURLToPath(source)]);
    ends.push(async () => {
      command.kill('SIGKILL');
      await command.end;
    });
    await command.says('Serving');
    const queue = await scene.openQueue();
    const { render } = taskModule<typeof import('../fixtures/tsdoc/tasks.js')>(source);
    expect(await queue.call(render, [3])).toBeInstanceOf(Uint8Array);
  });

  test.each([
    ['has a syntax error', 'broken.js', 'export const = 1;', 'SyntaxError|Unexpected token'],
    ['ends its worker', 'ending.js', 'process.exit(3);', 'exited with code 3'],
    ['is no JavaScript', 'typed.ts', 'export enum A { B }', 'compile it, or install tsx|enum'],
  ])('does not start with a module that %s', async (_, file, text, why) => {
    const folder = await mkdtemp(join(tmpdir(), 'niceq-command-'));
    ends.push(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, file), text);
    const { name, connection } = scene.base;
    const args = ['serve', '--name', name, '--threads', '1', '--redis', connection];
    const command = new Command([...args, `bad=${join(folder, file)}`]);
    expect(await command.end).toBe(1);
    expect(command.output).toContain("The module `bad` can't be served");
    expect(command.output).toMatch(new RegExp(why));
    expect(command.output).not.toContain('Serving');
  });

  test('does not start when its processes can not be started, and says why', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'niceq-command-'));
    ends.push(() => rm(folder, { recursive: true }));
    const lame = join(folder, 'lame.cjs');
    await writeFile(lame, "process.execPath = '/nowhere/node';");
    const { name, connection } = scene.base;
    const args = ['serve', '--name', name, '--processes', '1', '--threads', '0', '--redis', connection, module];
    const command = new Command(args, { NODE_OPTIONS: `--require ${lame}` });
    expect(await command.end).toBe(1);
    expect(command.output).toContain('spawn /nowhere/node ENOENT');
  });

  test('does not start with a kept update that fails, and says which and why', async () => {
    const { name, prefix } = scene.base;
    const update = {
      key: 'string k',
      module: 'tasks',
      name: 'throwBuiltIn',
      payload: encode(['RangeError', 'too much']),
    };
    await keepUpdate(scene.redis.client, new Keys(prefix, name), update);
    const command = run();
    expect(await command.end).toBe(1);
    expect(command.output).toMatch(
      /`throwBuiltIn` of module `tasks` \(key `string k`\) failed: too much; `obliterate`/,
    );
  });

  test('says so when Redis can not be reached', async () => {
    const own = await RedisServer.start();
    await own.end();
    scene.base = { ...scene.base, connection: own.url };
    const command = run();
    expect(await command.end).toBe(1);
    expect(command.output).toContain('ECONNREFUSED');
  });
});
