import type { Group } from '../harness.js';
import { poolSections } from './pools.js';

export const threads: Group = (isQuick) => poolSections('thread', isQuick);
