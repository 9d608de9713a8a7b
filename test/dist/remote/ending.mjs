// A caller that never shuts down: `node ending.mjs OPTIONS URL`.
import { TaskQueue, taskModule } from 'niceq';
import { BullWorker } from 'niceq/bullmq';

const [options, url] = process.argv.slice(2);
const tasks = taskModule(url);
const queue = new TaskQueue();
await queue.attachWorker(new BullWorker(JSON.parse(options)));
console.log(await queue.call(tasks.add, [1, 2]));
