import { randomBytes } from "node:crypto";

/** Randomness, passed in so that a run can be repeated from its seed. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

/** Randomness for production: jitter, not secrets. */
export const systemRandom: Random = { next: () => Math.random() };

/** A repeatable sequence (mulberry32) for tests, the simulator and the demo. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next: () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}

/** A secret of `bytes` random bytes, in lower-case hexadecimal. */
export function randomSecret(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}
