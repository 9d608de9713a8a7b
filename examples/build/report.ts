import type { Stripped } from './strip.tasks.js';

/** A file of the bundle and how long it is, in bytes. */
export interface Size {
  file: string;
  bytes: number;
}

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Markdown: what became of the sources on their way, and each file of the bundle with its size over the wire. */
export function describeSizes(sources: readonly Stripped[], bundle: readonly Size[], zipped: readonly Size[]): string {
  const wire = new Map(zipped.map(({ file, bytes }) => [file, bytes]));
  const step = (name: string, files: number, bytes: number) => `| ${name} | ${files} | ${kilobytes(bytes)} |`;
  return [
    '| step | files | size |',
    '| --- | ---: | ---: |',
    step('TypeScript', sources.length, sum(sources.map(({ typescript }) => typescript))),
    step('without types', sources.length, sum(sources.map(({ javascript }) => javascript))),
    step('bundled', bundle.length, sum(bundle.map(({ bytes }) => bytes))),
    step('gzipped', zipped.length, sum(zipped.map(({ bytes }) => bytes))),
    '',
    '| bundle | size | gzipped |',
    '| --- | ---: | ---: |',
    ...bundle.map(({ file, bytes }) => `| ${file} | ${kilobytes(bytes)} | ${kilobytes(wire.get(file) ?? 0)} |`),
    '',
  ].join('\n');
}
