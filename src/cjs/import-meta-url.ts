import { pathToFileURL } from 'node:url';

// Injected into the CommonJS build in place of import.meta.url. pathToFileURL escapes what a path may hold (#, ?, %).
export const importMetaUrl = pathToFileURL(__filename).href;
