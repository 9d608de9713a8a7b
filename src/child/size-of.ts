/** What a reference, number or property is taken to need, in bytes. */
const WORD = 8;
/** How many parts are looked at; the rest is taken to be like them. */
const SAMPLE = 16;

/** Roughly how many bytes a value needs: exact for what is large (buffers, strings), an estimate from a sample else. */
export function sizeOf(value: unknown, depth = 4): number {
  if (typeof value === 'string') return WORD + value.length * 2;
  if (typeof value !== 'object' || value === null) return WORD;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return WORD + value.byteLength;
  }
  if (depth === 0) return WORD;
  if (value instanceof Map) return sizeOfParts(value.entries(), value.size, depth);
  if (value instanceof Set) return sizeOfParts(value.values(), value.size, depth);
  const parts = Array.isArray(value) ? value : Object.values(value);
  return sizeOfParts(parts.values(), parts.length, depth);
}

function sizeOfParts(parts: Iterator<unknown>, count: number, depth: number): number {
  let bytes = 0;
  let looked = 0;
  for (let part = parts.next(); !part.done && looked < SAMPLE; part = parts.next()) {
    bytes += sizeOf(part.value, depth - 1);
    looked++;
  }
  return WORD * 2 + (looked === 0 ? 0 : (bytes / looked) * count);
}
