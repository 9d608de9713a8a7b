// A caller whose Redis goes away for good: `node forsaken.mjs OPTIONS URL PORT` calls one task, and shuts down.
import { TaskQueue, taskModule } from 'niceq';
import { BullWorker } from 'niceq/bullmq';

const [options, url, port] = process.argv.slice(2);
const tasks = taskModule(url);
const queue = new TaskQueue();
await queue.attachWorker(new BullWorker(JSON.parse(options)));
queue.once('workerLost', () => queue.shutdown());
console.log(await queue.call(tasks.pass, [Number(port), 'forsaken']).catch((error) => error.code));
