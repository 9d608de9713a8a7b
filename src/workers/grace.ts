import { setImmediate } from 'node:timers';
import { soon } from '../soon.js';
import type { Posting } from './posting.js';

/** How soon it is asked again whether it reads what it is sent, while a task is there whose time is over. Milliseconds. */
const ASK_AGAIN = 3000;

/** The link whose tasks are to end. */
export interface GraceOwner {
  /** Whether the task runs, waits or iterates on the other side. */
  isOn(posting: Posting): boolean;
  /** How many tasks run on the other side. */
  readonly running: number;
  /** How many iterations go on there. */
  readonly iterations: number;
  /** Has the other side say something of the task, whatever it is. */
  ask(posting: Posting): void;
  kill(): void;
}

/**
 * The time that tasks which were told to end, and what they iterate over, have to do so. The other side is killed when
 * that is over and it has not read what it was told, as it is blocked and whatever else is there with it; or when
 * nothing else is there. While there is something else it is asked again now and then, as a task that goes on may come
 * to block it.
 */
export class Grace {
  readonly #owner: GraceOwner;
  readonly #time: number;
  /** How many running tasks have had their time. */
  #overdue = 0;

  constructor(owner: GraceOwner, time: number) {
    this.#owner = owner;
    this.#time = time;
  }

  /** The task's time begins when it is told, at the end of the tick; and also if what it is to be told can't be. */
  begin(posting: Posting): void {
    posting.isAnswered = false;
    soon(() => this.#owner.isOn(posting) && this.#wait(posting, this.#time));
  }

  /** The task runs or waits there no more. */
  left(posting: Posting): void {
    if (posting.isOverdue) this.#overdue--;
    this.check();
  }

  /** Fewer tasks or iterations are there than before. */
  check(): void {
    if (this.#overdue > 0 && this.#owner.iterations === 0 && this.#runsOnlyOverdue) this.#owner.kill();
  }

  /** Nothing of the task is there any more. */
  end(posting: Posting): void {
    clearTimeout(posting.timer);
  }

  #wait(posting: Posting, time: number): NodeJS.Timeout {
    // When that is over, what the other side has said meanwhile is read first: this side may have been busy.
    posting.timer = setTimeout(() => setImmediate(() => this.#isOver(posting)), time);
    return posting.timer;
  }

  #isOver(posting: Posting): void {
    if (!this.#owner.isOn(posting)) return;
    if (posting.isAnswered) {
      if (posting.source === null && !posting.isOverdue) {
        posting.isOverdue = true;
        this.#overdue++;
        this.check();
      }
      posting.isAnswered = false;
      this.#owner.ask(posting);
    } else if (posting.source === null || this.#runsOnlyOverdue) {
      this.#owner.kill();
      return;
    }
    // An iteration takes no place, so a task that nobody has told to end may run there and have kept it from answering.
    this.#wait(posting, ASK_AGAIN).unref();
  }

  get #runsOnlyOverdue(): boolean {
    return this.#owner.running === this.#overdue;
  }
}
