/** How long the tasks of a function take, in milliseconds. */
export class MeanTime {
  /** Infinity while that is not known. */
  value = Number.POSITIVE_INFINITY;

  /** A task took `time`. Rises at once and falls slowly: a function that is long now and then is not short. */
  note(time: number): void {
    const isHigher = time > this.value || this.value === Number.POSITIVE_INFINITY;
    this.value = isHigher ? time : this.value + (time - this.value) / 8;
  }
}
