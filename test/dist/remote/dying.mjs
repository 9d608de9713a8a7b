// A caller that dies without a word when it has nothing to do any more: `node dying.mjs OPTIONS URL`.
import { TaskQueue, taskModule } from 'niceq';
import { BullWorker } from 'niceq/bullmq';

const [options, url] = process.argv.slice(2);
const tasks = taskModule(url);
const queue = new TaskQueue();
await queue.attachWorker(new BullWorker(JSON.parse(options)));
await queue.call(tasks.add, [1, 2]);
process.kill(process.pid, 'SIGKILL');
