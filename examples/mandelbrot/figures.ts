/** When a task ran, in milliseconds. A TaskHandle of niceq is one. */
export interface TaskTimes {
  readonly queuedAt: number;
  readonly startedAt?: number | undefined;
  readonly endedAt?: number | undefined;
  readonly workerId?: number | undefined;
}

export interface Figures {
  /** From the first task queued to the last one ended, milliseconds. */
  wall: number;
  /**
   * How many workers were running a task at a time, on average. That is no speed-up: where workers share a core, tasks
   * take longer than they would alone.
   */
  busyAtATime: number;
  /** Mean run time, milliseconds. */
  run: number;
  /**
   * Mean time a worker stood still between two tasks, milliseconds: its result on the way back, the next task on the
   * way to it. There is always a next task waiting, so this is all that the queue adds, but for starting the workers.
   */
  idle: number;
  /** The share of the wall time each worker was running tasks, by worker id. */
  busy: Map<number, number>;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => (values.length > 0 ? sum(values) / values.length : 0);

/** For tasks that were all queued at once, and workers that run one at a time. */
export function figures(tasks: readonly TaskTimes[]): Figures {
  const runs = tasks
    .map(({ startedAt = Number.NaN, endedAt = Number.NaN, workerId = 0 }) => ({ startedAt, endedAt, workerId }))
    .sort((a, b) => a.startedAt - b.startedAt);
  // Not Math.max(...): there may be more tasks than a call takes arguments.
  const end = runs.reduce((latest, { endedAt }) => Math.max(latest, endedAt), Number.NEGATIVE_INFINITY);
  const wall = end - tasks.reduce((first, { queuedAt }) => Math.min(first, queuedAt), Number.POSITIVE_INFINITY);

  const durations = runs.map(({ startedAt, endedAt }) => endedAt - startedAt);
  const gaps: number[] = [];
  const running = new Map<number, number>();
  const freeSince = new Map<number, number>();
  for (const { startedAt, endedAt, workerId } of runs) {
    const free = freeSince.get(workerId);
    if (free !== undefined) gaps.push(startedAt - free);
    freeSince.set(workerId, endedAt);
    running.set(workerId, (running.get(workerId) ?? 0) + endedAt - startedAt);
  }
  return {
    wall,
    busyAtATime: sum(durations) / wall,
    run: mean(durations),
    idle: mean(gaps),
    busy: new Map([...running].sort(([a], [b]) => a - b).map(([id, time]) => [id, time / wall])),
  };
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;

/** `starting` and `encoding`: what went on before and after the tasks, milliseconds. */
export function describe(
  { wall, busyAtATime, run, idle, busy }: Figures,
  pixels: number,
  { starting, encoding }: { starting: number; encoding: number },
): string {
  const millions = pixels / 1e6;
  const rate = (millions * 1000) / wall;
  const shares = [...busy].map(([id, share]) => `worker ${id} ${Math.round(share * 100)} %`);
  return [
    `${millions.toFixed(1)} million pixels in ${seconds(wall)}, ${rate.toFixed(1)} million a second`,
    `(besides ${seconds(starting)} for starting the workers, ${seconds(encoding)} for encoding the picture)`,
    `workers busy at a time: ${busyAtATime.toFixed(2)} (${shares.join(', ')})`,
    `idle between two tasks: ${(idle * 1000).toFixed(0)} µs; a task runs for ${run.toFixed(2)} ms`,
  ].join('\n');
}
