export { NiceqError } from '../errors.js';
export type { Logger } from '../queue/options.js';
export { BullWorker, type BullWorkerOptions } from './caller/bull-worker.js';
export type { BullConnection, BullOptions } from './connection.js';
export { obliterate } from './obliterate.js';
export { serve } from './server/serve.js';
export { BullServer, type CloseOptions, type ServeOptions, type ServerStats } from './server/server.js';
