/**
 * What a task's id is made of: the label it was given, or a number. Made when somebody asks, as making and sending a
 * text for each task would cost more than all the other fields.
 */
export type TaskKey = string | number;

export function idOf(key: TaskKey): string {
  return typeof key === 'string' ? key : `task-${key}`;
}
