/** Where a writer begins; it grows as needed. */
const BYTES_START = 512;

/** Longest text that is copied character by character. */
const COPIED_MAX = 100;
const ASCII_MAX = 0x7f;

/** Packs values for a script, big-endian, as Lua's `struct` reads them. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(BYTES_START);
  #length = 0;

  u8(value: number): this {
    this.#reserve(1);
    this.#length = this.#bytes.writeUInt8(value, this.#length);
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16BE(value, this.#length);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32BE(value, this.#length);
    return this;
  }

  u48(value: number): this {
    this.#reserve(6);
    this.#length = this.#bytes.writeUIntBE(value, this.#length, 6);
    return this;
  }

  /** A whole number up to 2^53 in seven bytes. */
  u56(value: number): this {
    return this.u8(Math.floor(value / 2 ** 48)).u48(value % 2 ** 48);
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** UTF-8 text as it is. Short plain text is copied here: a call out of JavaScript costs more than some tens of characters. */
  text(value: string): this {
    this.#reserve(value.length * 3);
    if (value.length > COPIED_MAX || !this.#copyPlain(value)) {
      this.#length += this.#bytes.write(value, this.#length);
    }
    return this;
  }

  /** UTF-8 text behind its length in one byte. */
  shortText(value: string): this {
    const at = this.#length;
    this.u8(0).text(value);
    this.#bytes.writeUInt8(this.#length - at - 1, at);
    return this;
  }

  /** UTF-8 text behind its length in two bytes. */
  longText(value: string): this {
    const at = this.#length;
    this.u16(0).text(value);
    this.#bytes.writeUInt16BE(this.#length - at - 2, at);
    return this;
  }

  /** What `write` writes, behind its length in two bytes. */
  sized(write: (writer: this) => void): this {
    const at = this.#length;
    this.u16(0);
    write(this);
    this.#bytes.writeUInt16BE(this.#length - at - 2, at);
    return this;
  }

  /** All that was written; the writer must not be used afterwards. */
  done(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** False when a character is not ASCII; then nothing counts as written. */
  #copyPlain(value: string): boolean {
    for (let index = 0; index < value.length; index += 1) {
      const code = value.charCodeAt(index);
      if (code > ASCII_MAX) return false;
      this.#bytes[this.#length + index] = code;
    }
    this.#length += value.length;
    return true;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
