import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { AsyncWorker, isNiceqError, type TaskHandle, TaskQueue, taskModule } from 'niceq';
import { BullWorker, obliterate, serve } from 'niceq/bullmq';
import { describe, expect, test } from 'vitest';
import { errorOf, tasks } from '../conformance/conformance.js';
import { Cable } from './cable.js';
import { makeLogger } from './logger.js';
import { hasRedis, RedisServer } from './redis.js';
import { everything, modules, setScene } from './scene.js';

const run = promisify(execFile);
describe.runIf(hasRedis)('With servers on a name', { timeout: 60_000 }, () => {
  const scene = setScene('faults');
  const { ends } = scene;

  /** What is left of this test in Redis. */
  async function leftovers(): Promise<string[]> {
    return (await scene.redis.keys()).filter((key) => key.startsWith(`${scene.base.prefix}:${scene.base.name}:`));
  }

  test('a server that is killed under load loses nothing: what it ran runs again, on another one', async () => {
    const doomed = await scene.startServer({ places: 8 });
    const queue = await scene.openQueue({ concurrency: 32 });
    const blocked = Array.from({ length: 8 }, (_, i) => queue.submit(tasks.pass, [scene.gate.port, `blocked ${i}`]));
    await Promise.all(blocked.map((_, i) => scene.gate.arrival(`blocked ${i}`)));
    const others = Array.from({ length: 300 }, (_, i) => queue.submit(tasks.addLater, [i, 1]));
    const retried = new Set<string>();
    queue.on('retry', (task, error) => {
      expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
      retried.add(task.id);
    });
    scene.gate.isOpen = true;
    await doomed.kill();
    const survivor = await scene.startServer({ places: 8 });
    expect(await Promise.all(others.map(({ promise }) => promise))).toEqual(others.map((_, i) => i + 1));
    expect(await Promise.all(blocked.map(({ promise }) => promise))).toEqual(blocked.map((_, i) => `blocked ${i}`));
    expect(blocked.map(({ attempts }) => attempts)).toEqual(blocked.map(() => 2));
    expect(new Set([...blocked].map(({ id }) => id))).toEqual(retried);
    await queue.shutdown();
    expect(await survivor.terminate()).toBe(0);
    expect(await leftovers()).toEqual([]);
  });

  test('a task that kills every server it meets ends as WorkerLostError, after as many attempts as it may have', async () => {
    const servers = [
      await scene.startServer({ threads: 1 }),
      await scene.startServer({ threads: 1 }),
      await scene.startServer({ threads: 1 }),
    ];
    const queue = await scene.openQueue();
    const poison = queue.submit(tasks.killItself, ['SIGKILL']);
    const error = await errorOf(poison.promise);
    expect(isNiceqError(error, 'ERR_WORKER_LOST')).toBe(true);
    expect([error.attempts, poison.attempts]).toEqual([2, 2]);
    const ended: number[] = [];
    servers.forEach(({ end }, i) => void end.then(() => ended.push(i)));
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    expect(ended.length).toBe(2);
  });

  test('the queue goes on when Redis is killed and starts again', async () => {
    const own = await scene.ownRedis('--appendonly', 'yes', '--appendfsync', 'always');
    const server = await scene.startServer({ places: 4, grace: 10_000, lockDuration: 10_000 });
    const queue = await scene.openQueue({ grace: 10_000 });
    const held = queue.submit(tasks.pass, [scene.gate.port, 'held']);
    await scene.gate.arrival('held');
    const handles: TaskHandle<number>[] = Array.from({ length: 300 }, (_, i) => queue.submit(tasks.addLater, [i, 1]));
    await handles[100]?.promise;
    await own.kill();
    scene.gate.open('held');
    const late = queue.submit(tasks.add, [1, 2]);
    await own.start();
    expect(await Promise.all(handles.map(({ promise }) => promise))).toEqual(handles.map((_, i) => i + 1));
    expect([await held.promise, await late.promise, held.attempts]).toEqual(['held', 3, 1]);
    await queue.shutdown();
    expect(await server.terminate()).toBe(0);
  });

  test('a caller that died is noticed: its tasks do not run for nobody', async () => {
    await scene.startServer({ places: 2 });
    const program = fileURLToPath(new URL('./caller.mjs', import.meta.url));
    const dead = fork(program, [JSON.stringify(scene.base), modules.tasks, String(scene.gate.port), '20'], {
      execArgv: [],
    });
    await Promise.all([scene.gate.arrival('dead 0'), scene.gate.arrival('dead 1')]);
    dead.kill('SIGKILL');
    await once(dead, 'exit');
    scene.gate.isOpen = true;
    const queue = await scene.openQueue();
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    expect(scene.gate.hasSeen('The caller is gone')).toBe(true);
    for (let i = 2; i < 20; i++) expect(scene.gate.hasSeen(`dead ${i}`)).toBe(false);
    await queue.shutdown();
    expect((await leftovers()).filter((key) => key.includes('inbox'))).toHaveLength(1);
  });

  test('tasks of two callers run in the order of their niceness, between those to do next and those to do last', async () => {
    await scene.startServer({ places: 1 });
    const [one, two] = [await scene.openQueue(), await scene.openQueue()];
    const first = one.call(tasks.pass, [scene.gate.port, 'first']);
    await scene.gate.arrival('first');
    const calls = [one.call(tasks.record, ['nice'], { niceness: 19 }), one.call(tasks.record, ['normal'])];
    await scene.waitingFor(2);
    calls.push(two.call(tasks.record, ['urgent'], { niceness: -20 }));
    await scene.waitingFor(3);
    calls.push(two.call(tasks.record, ['next'], { doNext: true }));
    await scene.waitingFor(4);
    calls.push(two.call(tasks.record, ['last'], { doLast: true, niceness: -20 }));
    await scene.waitingFor(5);
    calls.push(one.call(tasks.record, ['nicest'], { niceness: 20 }));
    await scene.waitingFor(6);
    scene.gate.open('first');
    await Promise.all([first, ...calls]);
    expect(await one.call(tasks.recorded)).toEqual(['next', 'urgent', 'normal', 'nice', 'nicest', 'last']);
  });

  test('what a server does not know is refused before anything runs, with what it does know', async () => {
    await scene.startServer();
    const queue = await scene.openQueue();
    const other = taskModule<{ add(a: number, b: number): number }>('file:///somewhere/other.tasks.js');
    const error = await errorOf(queue.call(other.add, [1, 2]));
    expect(isNiceqError(error, 'ERR_TASK_MODULE')).toBe(true);
    expect(error.message).toMatch(/`other`.*`tasks`/);
    for (const name of ['brandNew', 'constructor', '__proto__']) {
      const refusal = await errorOf(queue.call({ url: modules.tasks, name }));
      expect(isNiceqError(refusal, 'ERR_TASK_MODULE')).toBe(true);
      expect(refusal.message).toContain('`addLater`');
    }
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const refusal = await errorOf(queue.call({ url: `file:///${name}.js`, name: 'add' }));
      expect(isNiceqError(refusal, 'ERR_TASK_MODULE')).toBe(true);
    }
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
  });

  test('a task of a module whose URL names no file fails, and so does an update', async () => {
    const queue = await scene.openQueue();
    const ref = { url: 'file:///some/100%.tasks.js', name: 'add' };
    expect(isNiceqError(await errorOf(queue.call(ref)), 'ERR_TASK_MODULE')).toBe(true);
    const { errors } = (await errorOf(queue.update(ref))) as unknown as AggregateError;
    expect(isNiceqError(errors[0], 'ERR_TASK_MODULE')).toBe(true);
    await queue.shutdown();
  });

  test('a result of 50 MB arrives whole', async () => {
    await scene.startServer({ threads: 1 });
    const queue = await scene.openQueue();
    const large = new Uint8Array(Buffer.alloc(50_000_000, 'niceq'));
    const back = (await queue.call(tasks.echoOne, [large])) as Uint8Array;
    expect(Buffer.compare(back, large)).toBe(0);
  });

  test('a server that is told to end finishes what it runs, and leaves the rest to others', async () => {
    const first = await scene.startServer({ places: 2 });
    const queue = await scene.openQueue();
    const handles = Array.from({ length: 10 }, (_, i) => queue.submit(tasks.pass, [scene.gate.port, `${i}`]));
    await Promise.all([scene.gate.arrival('0'), scene.gate.arrival('1')]);
    const ended = first.terminate();
    await scene.startServer({ places: 2 });
    await scene.gate.arrival('2');
    scene.gate.isOpen = true;
    for (const name of ['0', '1', '2', '3']) scene.gate.open(name);
    expect(await ended).toBe(0);
    await Promise.all(handles.map(({ promise }) => promise));
    expect(handles.map(({ attempts }) => attempts)).toEqual(handles.map(() => 1));
  });

  test('a worker whose Redis stays away resigns, and its tasks go elsewhere', async () => {
    const own = await scene.ownRedis();
    await scene.startServer();
    const queue = await scene.openQueue({ patience: 300 });
    const running = queue.submit(tasks.pass, [scene.gate.port, 'running']);
    await scene.gate.arrival('running');
    const lost = new Promise<Error>((resolve) => {
      queue.once('workerLost', (_, error) => resolve(error));
    });
    await own.kill();
    expect((await lost).message).toContain('300 ms');
    scene.gate.isOpen = true;
    await queue.attachWorker(new AsyncWorker());
    expect(await running.promise).toBe('running');
  });

  test('a program whose Redis is gone for good gets an error for each call, and ends by itself', async () => {
    const own = await scene.ownRedis();
    await scene.startServer();
    const program = fileURLToPath(new URL('./forsaken.mjs', import.meta.url));
    const options = JSON.stringify({ ...scene.base, patience: 300 });
    const ending = run(process.execPath, [program, options, modules.tasks, String(scene.gate.port)]);
    await scene.gate.arrival('forsaken');
    await own.kill();
    expect(await ending).toEqual({ stdout: 'ERR_TASK_CANCELLED\n', stderr: '' });
  });

  test('a server whose Redis is gone for good ends within its time', async () => {
    const own = await scene.ownRedis();
    const server = await scene.startServer({ threads: 2, timeout: 300 });
    const queue = await scene.openQueue();
    for (const name of ['finished', 'endless']) queue.submit(tasks.pass, [scene.gate.port, name]);
    await Promise.all([scene.gate.arrival('finished'), scene.gate.arrival('endless')]);
    await own.kill();
    scene.gate.open('finished');
    expect(await server.terminate()).toBe(0);
  });

  test('a caller that was taken for gone and comes back runs again what was given up', async () => {
    await scene.startServer({ places: 2 });
    const cable = await Cable.to(Number(new URL(scene.redis.url).port));
    ends.push(() => cable.end());
    const queue = await scene.openQueue({ connection: `redis://127.0.0.1:${cable.port}` });
    const held = queue.submit(tasks.pass, [scene.gate.port, 'held']);
    const aborted = queue.submit(tasks.untilAborted, [scene.gate.port, 'aborted'], { retry: { lost: 0 } });
    await Promise.all([scene.gate.arrival('held'), scene.gate.arrival('aborted')]);
    cable.cut();
    await scene.gate.arrival('The caller is gone');
    cable.mend();
    expect(isNiceqError(await errorOf(aborted.promise), 'ERR_WORKER_LOST')).toBe(true);
    scene.gate.isOpen = true;
    scene.gate.open('held');
    expect([await held.promise, held.attempts]).toEqual(['held', 2]);
    const later = queue.submit(tasks.add, [1, 2]);
    expect([await later.promise, later.attempts]).toEqual([3, 1]);
  });

  test('a server that was taken for gone and comes back runs tasks as before', async () => {
    const cable = await Cable.to(Number(new URL(scene.redis.url).port));
    ends.push(() => cable.end());
    await scene.startServer({ places: 2, connection: `redis://127.0.0.1:${cable.port}` });
    const queue = await scene.openQueue();
    const held = queue.submit(tasks.pass, [scene.gate.port, 'held']);
    await scene.gate.arrival('held');
    const retried = new Promise((resolve) => {
      queue.once('retry', resolve);
    });
    cable.cut();
    await retried;
    scene.gate.isOpen = true;
    scene.gate.open('held');
    cable.mend();
    expect([await held.promise, held.attempts]).toEqual(['held', 2]);
    const later = queue.submit(tasks.pass, [scene.gate.port, 'later']);
    expect([await later.promise, later.attempts]).toEqual(['later', 1]);
  });

  test('an update that was called while no server could be reached has run when one is back', async () => {
    const cable = await Cable.to(Number(new URL(scene.redis.url).port));
    ends.push(() => cable.end());
    await scene.startServer({ places: 2, connection: `redis://127.0.0.1:${cable.port}` });
    const queue = await scene.openQueue();
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    cable.cut();
    const monitor = await new Redis(scene.redis.url).monitor();
    ends.push(async () => monitor.disconnect());
    const looked = new Promise<void>((resolve) => {
      monitor.on('monitor', (_, [command, key]: string[]) => {
        if (command === 'hgetall' && key?.endsWith(`${scene.base.name}:members`)) resolve();
      });
    });
    const update = queue.update(tasks.add, [3, 4]);
    await looked;
    cable.mend();
    expect(await update).toEqual([7]);
  });

  test('an update whose order Redis has dropped runs all the same, when its server has an inbox again', async () => {
    const { client } = scene.redis;
    const connection = await scene.userWith(...everything);
    const server = await serve({ ...scene.base, connection, modules, workers: [new AsyncWorker()] });
    ends.push(() => server.close({ timeout: 0 }));
    const queue = await scene.openQueue();
    const inbox = `${scene.base.prefix}:${scene.base.name}:inbox:${(await server.stats()).id}`;
    while ((await client.xlen(inbox)) > 0);
    // The read that waits would get the order at once.
    await scene.userWith(...everything, '-xread');
    await client.client('KILL', 'USER', scene.base.name);
    const update = queue.update(tasks.add, [1, 2]);
    while ((await client.xlen(inbox)) === 0);
    await client.del(inbox);
    while ((await client.exists(inbox)) === 0);
    await scene.userWith(...everything);
    expect(await update).toEqual([3]);
  });

  test('a server that is killed ends its iterations, after what had arrived, although no other server is there', async () => {
    const server = await scene.startServer();
    const queue = await scene.openQueue();
    const streams = taskModule<typeof import('../fixtures/streams.tasks.mjs')>(modules.streams);
    const items = await queue.call(streams.hanging);
    expect([await items.next(), await items.next()].map(({ value }) => value)).toEqual([1, 2]);
    const third = items.next();
    await server.kill();
    expect(isNiceqError(await errorOf(third), 'ERR_WORKER_LOST')).toBe(true);
    expect(await items.next()).toEqual({ value: undefined, done: true });
  });

  test('a Redis that keeps nothing on disk loses tasks, but no promise', async () => {
    const own = await scene.ownRedis();
    const queue = await scene.openQueue();
    const lost = queue.submit(tasks.add, [1, 2]);
    const retried = new Promise<unknown>((resolve) => {
      queue.once('retry', (_, error) => resolve(error));
    });
    const client = new Redis(own.url);
    await scene.waitingFor(1, client);
    client.disconnect();
    await own.kill();
    await own.start();
    expect(((await retried) as Error).message).toBe('Redis has lost the task');
    await scene.startServer();
    expect(await lost.promise).toBe(3);
  });

  test('a caller whose inbox Redis has dropped gets another one, and runs again what it may have missed', async () => {
    await scene.startServer({ places: 2 });
    const queue = await scene.openQueue();
    const held = queue.submit(tasks.pass, [scene.gate.port, 'held']);
    const started = new Promise((resolve) => queue.once('started', resolve));
    await Promise.all([scene.gate.arrival('held'), started]);
    await scene.redis.client.del((await leftovers()).filter((key) => key.includes(':inbox:')));
    scene.gate.isOpen = true;
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
    scene.gate.open('held');
    expect([await held.promise, held.attempts]).toEqual(['held', 2]);
    expect(await queue.call(tasks.add, [3, 4])).toBe(7);
  });

  test('a caller that Redis hinders from making an inbox again makes it as soon as it may', async () => {
    const { client } = scene.redis;
    const connection = await scene.userWith(...everything);
    const { logger, warning } = makeLogger();
    const queue = await scene.openQueue({ connection, logger });
    await scene.userWith(...everything, '-xadd');
    await client.del(await leftovers());
    const refused = warning('Redis refused to answer');
    await client.client('KILL', 'USER', scene.base.name);
    await refused;
    await scene.userWith(...everything);
    await scene.startServer();
    expect(await queue.call(tasks.add, [1, 2])).toBe(3);
  });

  test('a program that calls ends by itself when all results are in, and leaves nothing in Redis', async () => {
    const server = await scene.startServer();
    const program = fileURLToPath(new URL('./ending.mjs', import.meta.url));
    const { stdout, stderr } = await run(process.execPath, [program, JSON.stringify(scene.base), modules.tasks]);
    expect([stdout, stderr]).toEqual(['3\n', '']);
    expect(await server.terminate()).toBe(0);
    expect(await leftovers()).toEqual([]);
  });

  test('a worker that can not reach Redis is not hired', async () => {
    const own = await RedisServer.start();
    await own.end();
    const queue = new TaskQueue();
    const options = { name: 'nobody', connection: own.url };
    for (const start of [
      () => queue.attachWorker(new BullWorker(options)),
      () => serve({ ...options, modules, workers: [new AsyncWorker()] }),
    ]) {
      const error = await errorOf(start());
      expect(isNiceqError(error, 'ERR_WORKER_START')).toBe(true);
      expect(error.message).toContain('ECONNREFUSED');
    }
    expect(queue.workers()).toEqual([]);
  });

  test('kept updates reach servers of later, in order, and stay until they are obliterated', async () => {
    const queue = await scene.openQueue();
    const updates = [queue.update(tasks.record, ['first']), queue.update(tasks.record, ['old'], { key: 'k' })];
    const server = await scene.startServer({ threads: 1 });
    await Promise.all(updates);
    await queue.update(tasks.record, ['new'], { key: 'k' });
    await queue.update(tasks.record, ['only now'], { ephemeral: true });
    expect(await queue.call(tasks.recorded)).toEqual(['first', 'old', 'new', 'only now']);
    await server.terminate();
    await scene.startServer({ threads: 1 });
    expect(await queue.call(tasks.recorded)).toEqual(['first', 'new']);
    await queue.shutdown();
    for (const end of ends.splice(0).reverse()) await end();
    await obliterate(scene.base);
    expect(await leftovers()).toEqual([]);
  });
});
