// @ts-check

/** @type {typeof import('./lines.js').splitLines} */
export async function* splitLines(chunks, maxLength = 65_536) {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = (lines.pop() ?? '').slice(0, maxLength);
    yield lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield [rest];
}
