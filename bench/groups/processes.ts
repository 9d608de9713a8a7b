import type { Group } from '../harness.js';
import { poolSections } from './pools.js';

export const processes: Group = (isQuick) => poolSections('process', isQuick);
