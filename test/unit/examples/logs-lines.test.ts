import { expect, it } from 'vitest';
import { splitLines } from '../../../examples/logs/lines.js';

async function split(chunks: readonly (string | Uint8Array)[], maxLength?: number): Promise<string[]> {
  async function* source() {
    for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  }
  const lines: string[] = [];
  for await (const some of splitLines(source(), maxLength)) lines.push(...some);
  return lines;
}

it('finds the lines wherever the chunks end', async () => {
  const text = 'one\ntwo\r\n\nfour';
  for (let at = 0; at <= text.length; at++) {
    expect(await split([text.slice(0, at), text.slice(at)])).toEqual(['one', 'two', '', 'four']);
  }
});

it('keeps characters whole that are cut by the end of a chunk', async () => {
  const bytes = Buffer.from('grün\n木\n');
  for (let at = 0; at <= bytes.length; at++) {
    expect(await split([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(['grün', '木']);
  }
});

it('makes do with bytes that are no UTF-8', async () => {
  expect(await split([Uint8Array.of(0x61, 0xff, 0x0a, 0x62, 0xc3)])).toEqual(['a\ufffd', 'b\ufffd']);
});

it('has no lines for no text, and none after the last line end', async () => {
  expect(await split([])).toEqual([]);
  expect(await split([''])).toEqual([]);
  expect(await split(['one\n'])).toEqual(['one']);
});

it('keeps only the beginning of a line that does not end', async () => {
  const chunks = Array.from({ length: 100 }, () => 'x'.repeat(50));
  const [line, ...rest] = await split([...chunks, '\nnext\n'], 200);
  expect(line).toHaveLength(200);
  expect(rest).toEqual(['next']);
});
