// @ts-check
import { ThreadWorker } from 'poolifier';
import { echo, increment, paintAll } from './tasks.mjs';

export default new ThreadWorker({ increment, echo, paintAll });
