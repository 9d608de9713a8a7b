import type { Job } from './job.js';

/**
 * A doubly linked list through the jobs themselves, so that a job can leave from anywhere in constant time and
 * waiting costs no memory besides the job.
 *
 * Invariant: `size` is the number of jobs reachable from `first` by `next`, and from `last` by `prev`. A job is in one
 * list at most.
 */
export class JobList {
  first: Job | null = null;
  last: Job | null = null;
  size = 0;

  push(job: Job): void {
    this.#insert(job, this.last, null);
  }

  /** Puts a job back where its place of arrival belongs, looked for from both ends: it is usually near one of them. */
  restore(job: Job): void {
    let next = this.first;
    let prev = this.last;
    while (next !== null && prev !== null && next.place < job.place && prev.place > job.place) {
      next = next.next;
      prev = prev.prev;
    }
    if (next === null || next.place > job.place) this.#insert(job, next === null ? this.last : next.prev, next);
    else this.#insert(job, prev, prev === null ? null : prev.next);
  }

  remove(job: Job): void {
    const { prev, next } = job;
    if (prev === null) this.first = next;
    else prev.next = next;
    if (next === null) this.last = prev;
    else next.prev = prev;
    job.prev = null;
    job.next = null;
    this.size--;
  }

  #insert(job: Job, prev: Job | null, next: Job | null): void {
    job.prev = prev;
    job.next = next;
    if (prev === null) this.first = job;
    else prev.next = job;
    if (next === null) this.last = job;
    else next.prev = job;
    this.size++;
  }
}
