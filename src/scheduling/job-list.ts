import type { Job } from './job.js';

/**
 * A doubly linked list through the jobs themselves, so that a job can leave from anywhere in constant time and
 * waiting costs no memory besides the job.
 *
 * Invariant: `job.list === this` for exactly the jobs reachable from `first`, and `size` is their number.
 */
export class JobList {
  first: Job | null = null;
  last: Job | null = null;
  size = 0;

  push(job: Job): void {
    this.#insert(job, this.last, null);
  }

  /**
   * Puts a job back where its place of arrival belongs. Jobs are taken from the front, so the search from the front
   * passes only those given back before it.
   */
  restore(job: Job): void {
    let next = this.first;
    while (next !== null && next.place < job.place) next = next.next;
    this.#insert(job, next === null ? this.last : next.prev, next);
  }

  remove(job: Job): void {
    const { prev, next } = job;
    if (prev === null) this.first = next;
    else prev.next = next;
    if (next === null) this.last = prev;
    else next.prev = prev;
    job.prev = null;
    job.next = null;
    job.list = null;
    this.size--;
  }

  #insert(job: Job, prev: Job | null, next: Job | null): void {
    job.prev = prev;
    job.next = next;
    job.list = this;
    if (prev === null) this.first = job;
    else prev.next = job;
    if (next === null) this.last = job;
    else next.prev = job;
    this.size++;
  }
}
