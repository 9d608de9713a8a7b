export interface Ran {
  readonly id: number;
  readonly attempt: number;
}

export function value(log: string, id: number): Ran;
export function wait(log: string, id: number, ms: number): Promise<Ran>;
export function slow(log: string, id: number, isDeaf: boolean): Promise<Ran>;
export function burn(log: string, id: number, ms: number): Ran;
export function progress(log: string, id: number): Ran;
export function flaky(log: string, id: number, times: number): Ran;
export function exit(log: string, id: number, times: number): Ran;
export function late(log: string, id: number): Ran;
export function exhaust(log: string, id: number): never;
export function block(log: string, id: number): never;
export function hang(log: string, id: number): Promise<never>;
export function uncloneable(log: string, id: number): unknown;
export function items(log: string, id: number, count: number): AsyncGenerator<number>;
export function garble(log: string, id: number): Promise<void>;
