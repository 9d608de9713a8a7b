import { Listr, type ListrTask } from 'listr2';
import { BlockedError, type TaskNode } from 'niceq/graph';

/** A line that follows a node. */
export function line(node: TaskNode): ListrTask {
  return {
    title: node.name,
    task: async (_, view) => {
      const waiting = node.blockers().map(({ name }) => name);
      if (waiting.length > 0) view.title = `${node.name} (after ${waiting.join(', ')})`;
      node.once('RUNNING', () => {
        view.title = node.name;
      });
      try {
        await node.result;
        view.title = node.name;
      } catch (error) {
        view.title = node.name;
        if (error instanceof BlockedError) view.skip(error.message);
        else throw error;
      }
    },
  };
}

/** A line that counts the nodes before `last`; there may be more of them from time to time. */
export function group(title: string, nodes: readonly TaskNode[], last: TaskNode): ListrTask {
  return {
    title,
    task: async (_, view) => {
      const heard = new Set<TaskNode>();
      const count = () => {
        for (const node of nodes) if (heard.size < heard.add(node).size) node.on('transition', count);
        const done = nodes.filter(({ state }) => state === 'DONE').length;
        const running = nodes.filter(({ state }) => state === 'RUNNING').map(({ name }) => name);
        view.title = `${title} ${done}/${nodes.length} ${running.join(', ')}`.trimEnd();
      };
      for (const node of last.requires) node.on('DONE', count);
      await last.result.catch(() => {});
      count();
    },
  };
}

/** Shows lines, live if this is a terminal, until all of them have ended. */
export async function show(lines: readonly ListrTask[]): Promise<void> {
  // What failed is in the graph; here it is only shown.
  await new Listr([...lines], {
    concurrent: true,
    exitOnError: false,
    rendererOptions: { collapseErrors: false, collapseSkips: false },
    fallbackRendererOptions: { timestamp: { condition: false, field: '' } },
  }).run();
}
