const LAST_TICKET = 2 ** 31 - 1;

/** The ticket to use after this one: from 1, as it and its negative must fit into a word, and 0 is nobody's. */
export function ticketAfter(ticket: number): number {
  return ticket === LAST_TICKET ? 1 : ticket + 1;
}

/**
 * Who may have a task that a thread holds: one word for each slot, shared by both sides.
 *
 * The parent writes the task's ticket when it sends it. The thread claims the task by turning `ticket` into `-ticket`
 * right before it starts it; the parent takes it back by turning `ticket` into 0. Both use compare-and-exchange, so
 * exactly one of them succeeds, and because a ticket is used again only after all others, a thread that comes across a
 * task taken back long ago can't mistake the slot's next task for it.
 *
 * A slot beyond the words has none: a task there is the thread's from when it was sent, and can't be taken back.
 */
export class Claims {
  readonly words: Int32Array;

  constructor(words: Int32Array) {
    this.words = words;
  }

  static create(slots: number): Claims {
    return new Claims(new Int32Array(new SharedArrayBuffer(slots * Int32Array.BYTES_PER_ELEMENT)));
  }

  /** Parent: the slot holds the task with this ticket from now on. */
  offer(slot: number, ticket: number): void {
    if (slot < this.words.length) Atomics.store(this.words, slot, ticket);
  }

  /** Thread: true if the task is still there; then it must be started. */
  take(slot: number, ticket: number): boolean {
    return slot >= this.words.length || Atomics.compareExchange(this.words, slot, ticket, -ticket) === ticket;
  }

  /** Parent: true if the thread has not started the task, and now never will. */
  revoke(slot: number, ticket: number): boolean {
    return slot < this.words.length && Atomics.compareExchange(this.words, slot, ticket, 0) === ticket;
  }

  /** Parent: whether the thread has started the task. */
  isTaken(slot: number, ticket: number): boolean {
    return slot >= this.words.length || Atomics.load(this.words, slot) === -ticket;
  }
}
