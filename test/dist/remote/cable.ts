import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Where something happens to a connection, and who waits for that. */
interface Spot {
  readonly text: string;
  resolve(): void;
}

/** What lies between somebody and a port of this machine, and can be cut. */
export class Cable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;
  #limit: string | null = null;
  #reset: Spot | null = null;
  #unanswered: Spot | null = null;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (near) => {
      if (this.#isCut) {
        near.destroy();
        return;
      }
      const far = connect(target, '127.0.0.1');
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
      near.on('data', (data) => {
        if (this.#unanswered !== null && data.includes(this.#unanswered.text)) {
          const { resolve } = this.#unanswered;
          this.#unanswered = null;
          far.unpipe(near);
          far.once('data', () => {
            near.resetAndDestroy();
            resolve();
          });
          far.resume();
        }
        if (this.#limit !== null && data.includes(this.#limit)) this.cut();
        if (this.#reset !== null && data.includes(this.#reset.text)) {
          near.resetAndDestroy();
          this.#reset.resolve();
          this.#reset = null;
        }
      });
    });
  }

  static async to(target: number): Promise<Cable> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Cable(server, target);
  }

  /** Nothing passes any more, until it is mended. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cuts it as soon as somebody says this. */
  cutAt(text: string): void {
    this.#limit = text;
  }

  /** Resets the connection on which somebody says this next. Resolves then. */
  async resetAt(text: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#reset = { text, resolve };
    });
  }

  /** Resets the connection on which somebody says this next, as soon as the answer comes, which gets lost. Resolves then. */
  async loseAnswerTo(text: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#unanswered = { text, resolve };
    });
  }

  mend(): void {
    this.#isCut = false;
  }

  async end(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
