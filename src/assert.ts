/** Trips on a bug of ours. Never for bad input (an outcome) or an operating failure (a fault). */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionBug(message);
}

/** Proves to the compiler that a switch over a union is exhaustive. */
export function unreachable(value: never): never {
  throw new AssertionBug(`unreachable case: ${JSON.stringify(value)}`);
}

/** A broken invariant. Counted as UNEXPECTED; a simulator run that ends above zero fails. */
export class AssertionBug extends Error {
  override readonly name = "AssertionBug";
}
