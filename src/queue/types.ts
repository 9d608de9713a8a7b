import type { TaskRef } from '../tasks/task-module.js';

/** A function, or a reference to one, that takes `A` and returns `R`. */
export type Callee<A extends unknown[], R> = ((...args: A) => R) | TaskRef<(...args: A) => R>;

/** What a call of a function that returns `R` resolves with. */
export type Result<R> = Awaited<R>;
