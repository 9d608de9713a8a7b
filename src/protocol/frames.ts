import { DefaultDeserializer, DefaultSerializer, serialize } from 'node:v8';
import { fromText, toText } from './plain-text.js';

declare module 'node:v8' {
  /** Documented by Node, but not typed. */
  interface DefaultDeserializer {
    _readHostObject(): NodeJS.ArrayBufferView<ArrayBuffer>;
  }
}

/**
 * How messages travel between processes: eight bytes, of which the first four say how the message is written and the
 * others its length, and then the message, as plain text if that is possible, else as a structured clone.
 *
 * This is not Node's own channel, whose reader throws what it can't read where nobody can catch it: a value nested
 * deeper than one side can follow, or a few bytes that a task writes there, would end the program.
 */

const TEXT = Buffer.from('text').readUInt32BE();
const CLONE = Buffer.from('nice').readUInt32BE();
const HEAD = 8;
const emptyHead = Buffer.alloc(HEAD);

/** Makes the bytes of a message, or throws what structured clone throws. */
export function frame(message: unknown): Buffer {
  const text = toText(message);
  return text === null ? cloneFrame(message) : textFrame(text);
}

function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(HEAD + length);
  bytes.writeUInt32BE(TEXT, 0);
  bytes.writeUInt32BE(length, 4);
  bytes.write(text, HEAD);
  return bytes;
}

function cloneFrame(message: unknown): Buffer {
  const serializer = new DefaultSerializer();
  serializer.writeRawBytes(emptyHead);
  serializer.writeHeader();
  serializer.writeValue(message);
  const bytes = serializer.releaseBuffer();
  bytes.writeUInt32BE(CLONE, 0);
  bytes.writeUInt32BE(bytes.length - HEAD, 4);
  return bytes;
}

/**
 * Reads a structured clone. By itself Node makes typed arrays views of the bytes it reads: then all that came together
 * would share one buffer, and who hands one over would empty the others.
 */
class CloneReader extends DefaultDeserializer {
  override _readHostObject(): NodeJS.ArrayBufferView<ArrayBuffer> {
    const view = super._readHostObject();
    const { buffer, byteOffset, byteLength } = view;
    // As threads bring it.
    const View = Buffer.isBuffer(view) ? Uint8Array : (view.constructor as Uint8ArrayConstructor);
    return new View(buffer.slice(byteOffset, byteOffset + byteLength));
  }
}

function readClone(bytes: Buffer): unknown {
  const reader = new CloneReader(bytes);
  reader.readHeader();
  return reader.readValue();
}

/** The value as the other side would get it, or throws what structured clone throws. */
export function cloneByFrame(value: unknown): unknown {
  return readClone(serialize(value));
}

/** Who gets the messages. */
export interface FrameOwner {
  message(message: unknown): void;
  /** What has arrived is no message. Nothing is told after this. */
  unreadable(error: unknown): void;
}

/** Finds the messages in the bytes that arrive. */
export class FrameReader {
  readonly #owner: FrameOwner;
  #chunks: Buffer[] = [];
  #length = 0;
  /** How many bytes there must be before there is anything to do. */
  #needed = HEAD;
  #isText = false;

  constructor(owner: FrameOwner) {
    this.#owner = owner;
  }

  read(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= this.#needed) {
      let message: unknown;
      try {
        const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
        this.#chunks = [bytes];
        if (this.#needed === HEAD) {
          this.#isText = bytes.readUInt32BE(0) === TEXT;
          if (!this.#isText && bytes.readUInt32BE(0) !== CLONE) throw new TypeError('these bytes are no message');
          this.#needed = HEAD + bytes.readUInt32BE(4);
          continue;
        }
        message = this.#isText
          ? fromText(bytes.toString('utf8', HEAD, this.#needed))
          : readClone(bytes.subarray(HEAD, this.#needed));
        this.#chunks = bytes.length > this.#needed ? [bytes.subarray(this.#needed)] : [];
        this.#length -= this.#needed;
        this.#needed = HEAD;
      } catch (error) {
        this.#needed = Number.POSITIVE_INFINITY;
        this.#owner.unreadable(error);
        return;
      }
      this.#owner.message(message);
    }
  }
}
