/** What there is in Redis under a queue's name, besides what BullMQ has there itself. */
export class Keys {
  readonly base: string;
  /** Hash of all callers and servers: what each of them is. */
  readonly members: string;
  /** Stream of the kept updates. */
  readonly updates: string;
  /** Channel on which servers tell that they have come. */
  readonly arrivals: string;

  constructor(prefix: string, name: string) {
    this.base = `${prefix}:${name}`;
    this.members = `${this.base}:members`;
    this.updates = `${this.base}:updates`;
    this.arrivals = `${this.base}:arrivals`;
  }

  /** Stream of what is to be told to a member. */
  inbox(member: string): string {
    return `${this.base}:inbox:${member}`;
  }

  /** Channel that a member listens to as long as it lives. */
  presence(member: string): string {
    return `${this.base}:presence:${member}`;
  }

  /** Hash of a job of BullMQ. */
  job(id: string): string {
    return `${this.base}:${id}`;
  }
}
