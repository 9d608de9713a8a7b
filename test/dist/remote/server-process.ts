import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ServeOptions } from 'niceq/bullmq';

export interface ServerProcessOptions extends Omit<ServeOptions, 'workers' | 'modules' | 'logger'> {
  modules: Record<string, string>;
  /** Default: none, then tasks run in its main thread, `places` at a time. */
  threads?: number;
  places?: number;
  /** Whether its logger throws whatever it is told, which is not to end it. Default false. */
  hasBrokenLogger?: boolean;
  /** How long it may take to end, in milliseconds. Default: no limit. */
  timeout?: number;
}

const program = fileURLToPath(new URL('./server.mjs', import.meta.url));

/** A server in a process of its own, which can be killed. */
export class ServerProcess {
  readonly #child: ChildProcess;
  /** Resolves with how it ended. */
  readonly end: Promise<number | string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.end = once(child, 'exit').then(([code, signal]) => code ?? signal);
  }

  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const child = fork(program, [JSON.stringify(options)], { execArgv: [] });
    const server = new ServerProcess(child);
    const first = await Promise.race([once(child, 'message'), server.end]);
    if (!Array.isArray(first)) throw new Error(`The server ended with ${first}`);
    return server;
  }

  /** Ends it without a word. */
  kill(): Promise<number | string> {
    this.#child.kill('SIGKILL');
    return this.end;
  }

  /** Asks it to end. */
  terminate(): Promise<number | string> {
    this.#child.kill('SIGTERM');
    return this.end;
  }
}
