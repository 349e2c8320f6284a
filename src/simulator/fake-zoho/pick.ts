import { assert } from "../../assert.ts";
import type { Random } from "../../random.ts";

/** One of the choices, uniformly. */
export function pick<T>(random: Random, choices: readonly T[]): T {
  const chosen = choices[Math.floor(random.next() * choices.length)];
  assert(chosen !== undefined, "there is something to pick from");
  return chosen;
}

/** A whole number from `from` to `to`, both included. */
export function between(random: Random, from: number, to: number): number {
  return from + Math.floor(random.next() * (to - from + 1));
}

/** True with the given probability. */
export function chance(random: Random, share: number): boolean {
  return share > 0 && random.next() < share;
}

/** Fills `{name}` in a template. */
export function fill(template: string, words: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => words[name] ?? whole);
}
