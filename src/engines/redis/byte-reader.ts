/** Reads what a script packed, big-endian. Reading past the end throws a RangeError: a bug. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#skip(1));
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#skip(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#skip(4));
  }

  u48(): number {
    return this.#bytes.readUIntBE(this.#skip(6), 6);
  }

  u56(): number {
    return this.u8() * 2 ** 48 + this.u48();
  }

  bytes(count: number): Buffer {
    const from = this.#skip(count);
    return this.#bytes.subarray(from, this.#at);
  }

  /** UTF-8 text behind its length in two bytes. */
  longText(): string {
    return this.bytes(this.u16()).toString();
  }

  /** UTF-8 text up to the end. */
  rest(): string {
    return this.bytes(this.#bytes.length - this.#at).toString();
  }

  #skip(count: number): number {
    const from = this.#at;
    this.#at += count;
    return from;
  }
}
