/** How a command ends: done, failed (something is wrong with the world), misused (something is wrong with the call). */
export const EXIT = { done: 0, failed: 1, misused: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A call that makes no sense: printed as one line, exit code 2. */
export class Misuse extends Error {
  override readonly name = "Misuse";
}
