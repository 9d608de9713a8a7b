import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/**
 * Where tasks of every kind of worker can say that they have come this far, and wait until they are let through: tests
 * need no sleeps.
 */
export class Gate {
  readonly port: number;
  /** Whether nobody has to wait any more. */
  isOpen = false;
  readonly #server: Server;
  readonly #waiting = new Map<string, Socket[]>();
  readonly #expected = new Map<string, (() => void)[]>();

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.once('data', (name) => this.#arrived(name.toString(), socket));
    });
  }

  static async create(): Promise<Gate> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Gate(server);
  }

  /** Resolves when a task has come with this name. */
  async arrival(name: string): Promise<void> {
    if (this.#waiting.has(name)) return;
    await new Promise<void>((resolve) => {
      this.#expected.set(name, [...(this.#expected.get(name) ?? []), resolve]);
    });
  }

  /** Whether a task with this name waits, or has waited, here. */
  hasSeen(name: string): boolean {
    return this.#waiting.has(name);
  }

  /** Lets those with this name through that have come. */
  open(name: string): void {
    for (const socket of this.#waiting.get(name)?.splice(0) ?? []) socket.end();
  }

  close(): void {
    for (const name of this.#waiting.keys()) for (const socket of this.#waiting.get(name) ?? []) socket.destroy();
    this.#server.close();
  }

  #arrived(name: string, socket: Socket): void {
    this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), socket]);
    for (const resolve of this.#expected.get(name) ?? []) resolve();
    this.#expected.delete(name);
    if (this.isOpen) this.open(name);
  }
}
