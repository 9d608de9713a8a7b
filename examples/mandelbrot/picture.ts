import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { PNG } from 'pngjs';

const RGB = 2;
const PAETH = 4;

/** A PNG file that takes its rows from top to bottom. It appears under its name only when it is complete. */
export class Picture {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #png: PNG;
  #filled = 0;

  private constructor(path: string, file: FileHandle, width: number, height: number) {
    this.#path = path;
    this.#file = file;
    // Sizes given to the constructor would make it allocate four bytes a pixel.
    this.#png = new PNG({ colorType: RGB, inputColorType: RGB, inputHasAlpha: false, filterType: PAETH });
    this.#png.width = width;
    this.#png.height = height;
    // No well-kept encoder takes single rows: pngjs wants the whole picture before it begins.
    this.#png.data = Buffer.alloc(width * height * 3);
  }

  /** Opens the file first: one that can't be written should not come to light after the rendering. */
  static async create(path: string, width: number, height: number): Promise<Picture> {
    return new Picture(path, await open(`${path}.part`, 'w'), width, height);
  }

  /** The next rows, three bytes a pixel. */
  write(rows: Uint8Array): void {
    this.#png.data.set(rows, this.#filled);
    this.#filled += rows.length;
  }

  async finish(signal?: AbortSignal): Promise<void> {
    const missing = this.#png.data.length - this.#filled;
    if (missing > 0) throw new Error(`${missing} bytes of the picture are missing`);
    await pipeline(this.#png.pack(), this.#file.createWriteStream(), { ...(signal && { signal }) });
    await rename(`${this.#path}.part`, this.#path);
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await rm(`${this.#path}.part`, { force: true });
  }
}
