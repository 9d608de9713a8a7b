/** One rule broken: `find` occurs exactly once in the file, and `replace` takes its place, or nothing. */
export interface Sabotage {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const of = (file: string, ...sabotages: [name: string, find: string, replace?: string][]): Sabotage[] =>
  sabotages.map(([name, find, replace = '']) => ({ name, file: `src/${file}`, find, replace }));

export const sabotages: readonly Sabotage[] = [
  ...of(
    'scheduling/turn-heap.ts',
    ['ties go to who came last', 'a.time === b.time && a.order < b.order', 'a.time === b.time && a.order > b.order'],
    ['what leaves the heap still counts as in it', '    entry.index = -1;\n'],
  ),
  ...of(
    'queue/tally.ts',
    [
      'times that were not counted yet are left out',
      '  get wait(): Times {\n    this.#countTimes();\n',
      '  get wait(): Times {\n',
    ],
    ['times are counted again and again', '    this.#kept = 0;\n'],
    ['what one tally had not counted is lost in another', '    other.#countTimes();\n'],
    ['what a series does after it was merged is not counted', '    this.isMerged = true;\n'],
    ['what was merged is kept', '    this.#run = new Histogram();\n'],
  ),
  ...of(
    'scheduling/crew.ts',
    ['idling earns credit', 'if (share.time < clock) share.time = clock;'],
    ['a series that comes late has no place among equals', 'share.order = (lane.first as Job).place;'],
    ['the clock stands still', 'if (entry.time > desk.clock) desk.clock = entry.time;'],
    ['starting a task costs nothing', 'share.time += cost;'],
    [
      'the last band goes before the normal one',
      '?? this.#best(desk, NORMAL) ?? this.#best(desk, DO_LAST)',
      '?? this.#best(desk, DO_LAST) ?? this.#best(desk, NORMAL)',
    ],
    [
      'urgent tasks wait their turn',
      'this.#best(desk, DO_NEXT) ?? this.#best(desk, NORMAL)',
      'this.#best(desk, NORMAL) ?? this.#best(desk, DO_NEXT)',
    ],
    [
      'any kind of worker gets any task',
      'if (entry === undefined || !line.acceptance.accepts(desk.kind)) continue;',
      'if (entry === undefined) continue;',
    ],
    [
      'a full worker gets what it would not hold',
      'if (!job.holdable || !seat.wouldHold(job)) continue;',
      'if (!job.holdable) continue;',
    ],
    [
      'what can not be held is',
      'if (!job.holdable || !seat.wouldHold(job)) continue;',
      'if (!seat.wouldHold(job)) continue;',
    ],
    ['workers with more places count no more than others', ' / seat.concurrency;', ';'],
    ['iterations weigh nothing', ' + seat.iterationCount / (seat.iterationCount + 1)'],
    [
      'a crew that can only hold is as good as one that is free',
      'isFull ? UNRANKED + this.#rank : this.#rank',
      'this.#rank',
    ],
    [
      'a crew of all series goes before one of few',
      'qualification === null ? UNRANKED - 1 : qualification.size',
      'qualification === null ? 0 : qualification.size',
    ],
    ['a series is forgotten before the clock has passed it', 'this.#clockOf(desk) >= time', 'true'],
  ),
  ...of(
    'scheduling/lane.ts',
    ['of levels that are equally far the last goes first', 'this.order = first.place;', 'this.order = -first.place;'],
    ['a level that is charged keeps its turn', 'else this.#turns.update(this);'],
    [
      'levels of niceness are not charged',
      'if (this.band === NORMAL) (row.level ?? levels.of(job.niceness)).advance(costOf(job));',
    ],
    [
      'what is given back keeps its level charged',
      'if (this.band === NORMAL) this.series.levels.of(job.niceness).advance(-costOf(job));',
    ],
    ['a reniced task keeps its place', '    job.place = place;\n'],
    ['what is run again goes to the end', 'this.#unlevelled.restore(job);', 'this.#unlevelled.push(job);'],
  ),
  ...of(
    'scheduling/limiter.ts',
    ['a limit of concurrency allows one more', 'this.running >= this.#concurrency', 'this.running > this.#concurrency'],
    [
      'a rate allows one more',
      'this.#starts.length - this.#oldest < this.#count',
      'this.#starts.length - this.#oldest <= this.#count',
    ],
    ['a rule set anew forgets what has started', 'this.hasRate ? this.#starts.slice(this.#oldest) : NONE', 'NONE'],
    ['what is given back keeps its part of the rate', '    this.#starts.splice(index, 1);\n'],
  ),
  ...of(
    'scheduling/places.ts',
    ['a place is taken twice', '      this.#free.set(desk, free - some);\n'],
    ['what a limit allows is taken twice', 'this.#allowanceOf(limiter) - taken', 'this.#allowanceOf(limiter)'],
  ),
  ...of('scheduling/demands.ts', [
    'what has many desks goes first',
    'a.desks.length - b.desks.length',
    'b.desks.length - a.desks.length',
  ]),
  ...of(
    'scheduling/scheduler.ts',
    ['a closed worker is given tasks', 'if (!seat.isOpen) return;'],
    ['what is given back is not refunded', 'if (share !== undefined) crew.charge(share, -costOf(job));'],
    ['a paused queue starts tasks', 'while (!this.isPaused && this', 'while (this'],
    ['the limit of the queue is forgotten', 'this.#limiter.opensAt() <= this.#now', 'true'],
    ['workers with the same series are two crews', 'if (isSame(crew.qualification, qualification)) return crew;'],
    ['a full worker does not take its place', '    seat.load++;\n'],
    ['nobody is woken by a place that is free', 'if (seat.index !== -1) this.#wake(crew);'],
    ['what may be served is counted twice', 'this.#count(lane, -lane.size);'],
    [
      'a stalled series is told of again and again',
      'this.#turned.delete(series) && series.unserved > 0',
      'series.unserved > 0',
    ],
    [
      'a series that stalls for a moment is told of',
      'if (!this.#turned.delete(series)) this.#turned.add(series);',
      'this.#turned.add(series);',
    ],
    ['a limited series never opens again by itself', 'this.#due.push(series);'],
    ['a series that ends a task stays blocked', '    series.limiter.ended();\n'],
  ),
  ...of(
    'handler/lifecycle.ts',
    [
      'a task that is cancelled stays with its signal',
      'if (signal !== undefined) this.#signals.remove(signal, task);\n    task.settle',
      'task.settle',
    ],
    ['what has ended still runs', 'if (task.phase === RUNNING) this.pending--;\n    else if', 'if'],
    ['a task settles twice', '    if (task.isSettled) return;\n'],
    ['a task in doubt is nowhere', '    this.#inDoubt.add(task);\n'],
    ['a task in doubt stays there', '    this.#inDoubt.delete(task);\n'],
    [
      'a task in doubt that has settled is still there',
      'for (const task of this.#inDoubt) if (!task.isSettled) yield task;',
      'yield* this.#inDoubt;',
    ],
    [
      'a listener of `retry` ends the queue in vain',
      'if (isOver()) this.finish(attempt, FAILED, error);',
      'if (task.isSettled) this.finish(attempt, FAILED, error);',
    ],
    ['retries are not counted', '    task.extras.retries[failure]++;\n'],
    [
      'a task that was cancelled in between is run again',
      'if (isOver()) this.finish(attempt, FAILED, error);\n    else this.requeue',
      'this.requeue',
    ],
    ['a given back task keeps its attempt', '    if (task.phase === RUNNING) task.attempts--;\n'],
    ['the delay of a retry is left out', '    if (delay === 0) {', '    if (delay >= 0) {'],
    [
      'tasks are run again while the queue ends',
      'attempt.isUpdate || !this.isRetrying || task.isSettled;',
      'attempt.isUpdate || task.isSettled;',
    ],
    ['the main thread waits for what it can not stop', 'employment.worker.cancel === undefined ||'],
    ['a task whose time is over is not told', '    if (!attempt.hasEnded) attempt.abort(error);\n'],
  ),
  ...of('handler/attempt.ts', [
    'what ended in time is late because it was heard of late',
    'if (this.#extras.isDue && this.endedAt - this.startedAt > this.task.settings.timeout)',
    'if (this.#extras.isDue)',
  ]),
  ...of(
    'handler/attempts.ts',
    ['an attempt ends twice', 'if (!attempt.isCurrent) this.#drop(attempt);\n    else if', 'if'],
    [
      'a result that came too late counts',
      "else if (attempt.isTimedOut) this.#lifecycle.failed(attempt, 'timeout', timeoutError(attempt.task));\n    ",
    ],
    [
      'what never began is lost with its worker',
      'const hasBegun = attempt.isStarted && !unstarted.includes(attempt);',
      'const hasBegun = !unstarted.includes(attempt);',
    ],
    ['what others have ended is taken back again', '      if (attempt.hasEnded) continue;\n'],
    [
      'a lost task fails as if it had thrown',
      "this.#lifecycle.failed(attempt, 'lost', lossOf(error, attempt.task))",
      "this.#lifecycle.failed(attempt, 'error', lossOf(error, attempt.task))",
    ],
    [
      'what a worker leaves is cancelled although it is to be reassigned',
      'reassign ? [] : this.#cancelAll(employment)',
      'this.#cancelAll(employment)',
    ],
    ['what was handed over is run again', '!isUpdate && attempt.transfer.length === 0', '!isUpdate'],
    ['a place that is free is not given away', '    employment.load--;\n'],
    [
      'workers that are idle take over nothing',
      'if (!idle.isOpen || idle.load >= idle.concurrency) continue;',
      'continue;',
    ],
  ),
  ...of(
    'handler/retry.ts',
    [
      'a task is run once more than it may',
      'task.extras.retries[failure] < limit',
      'task.extras.retries[failure] <= limit',
    ],
    ['what was handed over is retried', 'if (transfer.length > 0) return false;'],
  ),
  ...of(
    'handler/task-handler.ts',
    [
      'what workers hold starts before what is urgent',
      'if (band === DO_NEXT) this.#recallHeld',
      'if (false) this.#recallHeld',
    ],
    ['a cancelled task stays queued', 'if (phase === QUEUED) this.scheduler.remove(task);'],
    [
      'a running task is not told that it was cancelled',
      '      attempt.stopTimer();\n      attempt.abort(reason ?? error);',
      '      attempt.stopTimer();',
    ],
    [
      'pausing leaves what workers hold',
      'this.scheduler.isPaused = true;\n    this.#recallHeld();',
      'this.scheduler.isPaused = true;',
    ],
  ),
  ...of(
    'handler/onboarding.ts',
    ['kept updates are not run', 'if (update === undefined) {', 'if (true) {'],
    ['an update that failed is kept', 'if (isTrial) this.#updates.forget(update);'],
    [
      'updates pass by a worker that is replaced',
      'if (employment.isLeaving) return null;',
      'if (!employment.isOpen) return null;',
    ],
  ),
  ...of(
    'handler/workforce.ts',
    ['a replaced worker is taken to have its updates', '    employment.renewed();\n    await this', '    await this'],
    [
      'a worker waits for others after it was told to go',
      '        if (employment.isLeaving) return;\n        const',
      '        const',
    ],
    [
      'a worker that is told to go is told twice',
      'const stopped = () => (isFirst ? this.#stop(employment) : employment.ended);',
      'const stopped = () => this.#stop(employment);',
    ],
    ['one that can not stop is not made to', 'if (!hasStopped) employment.crash();'],
    [
      'a worker that leaves is given tasks',
      '      employment.isLeaving = true;\n      this.#leave(employment);',
      '      employment.isLeaving = true;',
    ],
  ),
  ...of('handler/signals.ts', [
    'a signal keeps its listener',
    "    signal.removeEventListener('abort', this.#onAbort);\n",
  ]),
  ...of('handler/updates.ts', [
    'an update with the same key is kept beside the old one',
    'this.#kept = this.#kept.filter(({ key }, i) => i >= index || key !== update.key);',
  ]),
  ...of(
    'workers/grace.ts',
    ['one that is blocked lives on', '      this.#owner.kill();\n      return;'],
    ['one that is blocked later lives on', '    this.#wait(posting, ASK_AGAIN).unref();\n'],
    ['one with nothing but overdue tasks lives on', 'this.#owner.running === this.#overdue', 'false'],
    ['an answer from before counts', '    posting.isAnswered = false;\n    soon(', '    soon('],
    ['a task dies of an iteration', 'posting.source === null || this.#runsOnlyOverdue', 'true'],
    ['a task that has left is overdue for ever', 'if (posting.isOverdue) this.#overdue--;'],
  ),
  ...of('workers/link.ts', ['what is overdue does not hear that an iteration has ended', '    this.#grace.check();\n']),
  ...of(
    'workers/look-ahead.ts',
    ['nothing bounds what is held', 'if (this.#held.length >= HOLD_COUNT) return -1;'],
    ['tasks are held behind long ones', 'if (this.#runningTime + this.#heldTime > MAX_WAIT) return -1;'],
    ['what was taken back begins', 'this.#held.splice(this.#held.lastIndexOf(posting), 1);'],
    ['nothing held begins when a task ends', 'if (this.running < this.#concurrency) this.#beginNext();'],
  ),
  ...of(
    'workers/wakefulness.ts',
    ['who sleeps is never tried awake', "this.#enter('awake', true, TRIAL);\n        break;", 'break;'],
    ['a little gain is enough', 'this.#timePerTask() * WORTH', 'this.#timePerTask()'],
    ['one trial decides', '++this.#proofs < PROOFS', 'false'],
    ['trials that pay need not follow each other', 'if (!pays) {\n      this.#proofs = 0;', 'if (!pays) {'],
    ['messages count instead of tasks', ' ? time / this.#tasks', ' ? time'],
    ['few tasks decide', 'time > 0 && this.#tasks >= ENOUGH', 'time > 0'],
    [
      'time in which nobody waits counts',
      'this.#since += Math.max(0, this.#clock() - this.#idleSince - MAX_GAP);',
      '{}',
    ],
    ['waiting in vain goes on', 'this.#left = Math.max(1, this.#left - VAIN);', '{}'],
    ['who has heard stays awake', '    this.#poll.stop();\n'],
    ['what does not pay is tried as often for ever', 'this.#pause = Math.min(2 * this.#pause, MAX_PAUSE);', '{}'],
    ['what has paid is tried as rarely as what never did', '    this.#pause = PAUSE;\n'],
  ),
  ...of('workers/link.ts', ['nothing to do is waited for', 'if (this.#slots.isEmpty) this.#waitIsOver();']),
  ...of('protocol/busy-poll.ts', [
    'what was stopped goes on',
    'stop(): void {\n    this.#turns = 0;',
    'stop(): void {',
  ]),
  ...of(
    'handler/pool.ts',
    [
      'the first of a pool is hired a round later',
      'if (workforce.isEmpty && !this.#isClosed',
      'if (false && !this.#isClosed',
    ],
    [
      'a pool hires at once for what another worker takes',
      'if (workforce.isEmpty && !this.#isClosed',
      'if (!this.#isClosed',
    ],
    ['a pool that is paused hires', ' && !scheduler.isPaused) this.#hireFor(true)', ') this.#hireFor(true)'],
  ),
  ...of('bullmq/codec.ts', [
    'plain text may hold anything',
    "  if (!isPlainMessage(list)) throw new TypeError('expected plain values only');\n",
  ]),
  ...of(
    'bullmq/watch.ts',
    [
      'one that was seen is there for ever',
      'if (performance.now() - known.at > INTERVAL) void this.#look([member]);\n    return true',
      'return true',
    ],
    [
      'one that is missing was seen',
      'if (known?.missingSince !== 0 || this.#isClosed)',
      'if (!known || this.#isClosed)',
    ],
  ),
  ...of('bullmq/server/served-run.ts', [
    'a server listens for ever to tasks that are over',
    'if (this.#task !== null) this.#owner.queue.leave(this.#task);',
  ]),
];
