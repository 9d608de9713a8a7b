// @ts-check
// JavaScript, because Node 20 can't load TypeScript in a process of its own. The types are in the .d.ts beside it.
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { ParallelLimitedTaskConsumer, PollingTaskSource } from 'niceq/source';

// Installed apart from everything else: database/package.json says why.
const Database = createRequire(new URL('database/package.json', import.meta.url))('better-sqlite3');

/** Seconds after which a claim is void: whoever made it must be dead. Longer than the work on any row. */
const LEASE = 60;

/** @param {string} file */
function open(file) {
  const database = new Database(file, { timeout: 5000 });
  database.pragma('journal_mode = WAL');
  return database;
}

/** @type {typeof import('./table.tasks.js').fill} */
export const fill = (file, rows) => {
  const database = open(file);
  database.exec('CREATE TABLE jobs (id INTEGER PRIMARY KEY, claimed_by TEXT, claimed_at INTEGER, done_by TEXT)');
  const insert = database.prepare('INSERT INTO jobs DEFAULT VALUES');
  database.transaction(() => {
    for (let i = 0; i < rows; i++) insert.run();
  })();
  database.exec("UPDATE jobs SET claimed_by = 'somebody dead', claimed_at = unixepoch() - 3600 WHERE id = 7");
  database.close();
};

/**
 * The rows of the table as a source. One statement finds a row and claims it, so no two consumers get the same.
 *
 * @param {any} database
 * @param {string} name
 * @param {(id: number) => Promise<void>} work
 */
function tableSource(database, name, work) {
  const claim = database.prepare(`
    UPDATE jobs SET claimed_by = ?, claimed_at = unixepoch()
    WHERE id = (
      SELECT id FROM jobs
      WHERE done_by IS NULL AND (claimed_by IS NULL OR claimed_at < unixepoch() - ${LEASE})
      ORDER BY id LIMIT 1
    )
    RETURNING id
  `);
  return new PollingTaskSource({
    interval: 100,
    produce: () => {
      const row = claim.get(name);
      return row && (() => work(row.id));
    },
  });
}

/** @type {typeof import('./table.tasks.js').consume} */
export const consume = async (file, name, limit) => {
  const database = open(file);
  const done = database.prepare('UPDATE jobs SET done_by = ? WHERE id = ?');
  /** @type {number[]} */
  const rows = [];
  let running = 0;
  let most = 0;
  const source = tableSource(database, name, async (id) => {
    rows.push(id);
    most = Math.max(most, ++running);
    await sleep(5 + ((id * 37) % 40)); // the work
    running--;
    done.run(name, id);
  });
  const consumer = new ParallelLimitedTaskConsumer({ limit });
  await consumer.consume(source);
  database.close();
  if (consumer.lastError !== undefined) throw consumer.lastError;
  return { process: process.pid, rows, most };
};

/** @type {typeof import('./table.tasks.js').count} */
export const count = (file) => {
  const database = open(file);
  const { done } = database.prepare('SELECT count(done_by) AS done FROM jobs').get();
  database.close();
  return done;
};
