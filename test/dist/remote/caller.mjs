// A caller of its own: `node caller.mjs OPTIONS URL PORT COUNT` calls tasks that come to a gate, until it is killed.
import { TaskQueue, taskModule } from 'niceq';
import { BullWorker } from 'niceq/bullmq';

const [options, url, port, count] = process.argv.slice(2);
const tasks = taskModule(url);
const queue = new TaskQueue();
await queue.attachWorker(new BullWorker(JSON.parse(options)));
for (let i = 0; i < Number(count); i++) queue.call(tasks.untilAborted, [Number(port), `dead ${i}`]);
await queue.onIdle();
