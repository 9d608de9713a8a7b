/** Where a node is on its way. DONE and ABORTED are final. */
export type NodeState = 'PREPARE' | 'PENDING' | 'QUEUED' | 'RUNNING' | 'DONE' | 'FAILED' | 'CANCELLED' | 'ABORTED';

/** What moves a node from state to state. */
export type NodeEvent = 'prepared' | 'dispatch' | 'queue' | 'done' | 'error' | 'cancel' | 'retry' | 'abort';

/** One step of a node. */
export interface Transition {
  readonly from: NodeState;
  readonly event: NodeEvent;
  readonly to: NodeState;
  /** When, in epoch milliseconds with fractions. */
  readonly at: number;
}

/** Which event leads where. What is not in the table is an InvalidTransitionError. */
export const transitions: { readonly [From in NodeState]: { readonly [Event in NodeEvent]?: NodeState } } = {
  PREPARE: { prepared: 'PENDING' },
  PENDING: { dispatch: 'RUNNING', queue: 'QUEUED', cancel: 'CANCELLED', error: 'FAILED', abort: 'ABORTED' },
  QUEUED: { dispatch: 'RUNNING', cancel: 'CANCELLED' },
  RUNNING: { done: 'DONE', error: 'FAILED', cancel: 'CANCELLED' },
  DONE: {},
  FAILED: { retry: 'PENDING', abort: 'ABORTED' },
  CANCELLED: { retry: 'PENDING', abort: 'ABORTED' },
  ABORTED: {},
};

export const nodeStates = Object.keys(transitions) as readonly NodeState[];

/** Whether nothing more happens to a node of this state unless somebody retries it. */
export function isOver(state: NodeState): boolean {
  return state === 'DONE' || state === 'FAILED' || state === 'CANCELLED' || state === 'ABORTED';
}
