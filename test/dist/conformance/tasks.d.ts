export declare function add(a: number, b: number): number;
export declare function addLater(a: number, b: number): Promise<number>;
export declare function echo(...values: unknown[]): unknown[];
export declare function echoOne(value: unknown): unknown;

export declare function next(): number;
export declare function record(item: unknown): void;
export declare function recorded(): unknown[];
export declare function recordUnless(path: string, item: unknown): void;
export declare function grow(bytes: number): void;
export declare function pid(): number;

export declare function pass(port: number, name: string): Promise<string>;
export declare function reportAndPass(port: number, name: string, progress: unknown): Promise<string>;
export declare function untilAborted(port: number, name: string): Promise<string>;
export declare function blockFor(port: number, name: string, time: number): Promise<string>;
export declare function block(port: number, name: string): Promise<never>;
export declare function hang(port: number, name: string): Promise<never>;
export declare function sleep(time: number): Promise<void>;

export declare function chat(messages: readonly unknown[]): string;
export declare function writeBytes(descriptor: number, bytes: Uint8Array): Promise<never>;
export declare function leaveBehind(): number;
export declare function startTicking(): void;
export declare function ticks(): number;

export interface Context {
  id: string;
  attempt: number;
  series: unknown;
  workerId: number;
  isSignal: boolean;
  isAborted: boolean;
}
export declare function contextOf(): Context;
export declare function contextTooLate(): Promise<void>;
export declare function report(...items: unknown[]): Promise<number>;
export declare function reportUncloneable(): string;

export declare function lengthOf(buffer: ArrayBuffer): number;
export declare function handOverPart(): unknown;
export declare function handOver(bytes: number): { buffer: ArrayBuffer };
export declare function lengthLeft(): number;

export declare function throwBuiltIn(name: string, message: string): never;
export declare function throwDomException(): never;
export declare function throwCustom(): never;
export declare function throwChain(): never;
export declare function throwCycle(): never;
export declare function throwContext(): never;
export declare function throwDeep(levels: number): never;
export declare function throwAggregate(): never;
export declare function throwUncloneableProperty(): never;
export declare function throwValue(value: unknown): never;
export declare function throwUncloneableValue(): never;
export declare function rejectLater(message: string): Promise<never>;
export declare function uncloneable(): { rows: object[] };
export declare const notAFunction: number;

export declare function exit(code: number, times?: number): number;
export declare function cleanUpAtExit(path: string): void;
export declare function exitWith(buffer: ArrayBuffer): never;
export declare function complainAndExit(text: string): Promise<never>;
export declare function throwAfterwards(message: string): string;
export declare function rejectAfterwards(message: string): string;
export declare function killItself(signal: NodeJS.Signals): Promise<never>;
export declare function exhaustMemory(): never;
export declare function interruptItself(): void;

type Counter = { n: number } | Map<string, number>;
export declare function countIn(counter: Counter): number;
export declare function keepCounter(counter: Counter): void;
export declare function countKept(): Counter;
export declare function reportCounter(counter: Counter, times: number): void;
export declare function yieldCounter(counter: Counter, times: number): Generator<Counter>;
