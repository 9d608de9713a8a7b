import { refusedArgument } from '../../protocol/uncloneable.js';
import type { TaskRef } from '../../tasks/task-module.js';
import type { Assignment } from '../../workers/worker.js';
import { encodeList, probe } from '../codec.js';
import { moduleKey } from '../module-key.js';

/** What is to be run, as a server is told. */
export interface Packed {
  readonly module: string;
  readonly name: string;
  /** What it is run with, encoded. */
  readonly payload: string;
}

/** Makes what can be sent of an assignment and what it is run with; null if that is not possible: then it has failed. */
export function pack(assignment: Assignment, ref: TaskRef, content: readonly unknown[]): Packed | null {
  try {
    const module = moduleKey(ref.url);
    return { module, name: ref.name, payload: encodeFor(assignment, content) };
  } catch (error) {
    assignment.fail(error);
    return null;
  }
}

function encodeFor({ args }: Assignment, content: readonly unknown[]): string {
  try {
    return encodeList(content);
  } catch (cause) {
    throw refusedArgument(args, probe, cause);
  }
}
