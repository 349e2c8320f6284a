import { seededRandom } from "../../src/random.ts";
import type { AccountTruth } from "../../src/simulator/fake-zoho/crm.ts";
import { pick } from "../../src/simulator/fake-zoho/pick.ts";
import { TEMPLATES } from "./question-templates.ts";

/** Accounts of an answer that count: the first five, as one looks at them. */
export const ANSWERS_MAX = 5;

/** A question with the accounts that answer it, from the CRM itself. */
export interface Question {
  readonly text: string;
  readonly isNamed: boolean;
  /** CRM ids; at most ANSWERS_MAX, so that five answers can be all of them. */
  readonly right: readonly string[];
}

/** Draws one question of each template. Equal truths and seeds give equal questions. */
export function drawQuestions(
  truths: readonly AccountTruth[],
  { seed, now }: { readonly seed: number; readonly now: number },
): readonly Question[] {
  const random = seededRandom(seed);
  return TEMPLATES.map((template, index) => {
    const rights = new Map<string, Set<string>>();
    for (const truth of truths) {
      for (const text of template.asks(truth, now)) {
        const right = rights.get(text) ?? new Set();
        rights.set(text, right.add(String(truth.account["id"])));
      }
    }
    const askable = [...rights].filter(([, right]) => right.size <= ANSWERS_MAX);
    if (askable.length === 0) throw new Error(`no question of template ${index} has at most ${ANSWERS_MAX} answers`);
    const [text, right] = pick(random, askable);
    return { text, isNamed: template.isNamed, right: [...right] };
  });
}

/**
 * Two rankings as one: each account counts 1/(1 + its place) in either, the first place being 1. With a constant that small what one ranking
 * is sure of stands in front, whatever the other says; with the usual 60 an account in the middle of both beats it.
 */
export function mergeRanks(rankings: readonly (readonly string[])[]): readonly string[] {
  const scores = new Map<string, number>();
  for (const ranking of rankings) {
    for (const [index, account] of [...new Set(ranking)].entries()) {
      scores.set(account, (scores.get(account) ?? 0) + 1 / (index + 2));
    }
  }
  return [...scores].sort(([, a], [, b]) => b - a).map(([account]) => account);
}

/** The share of the right accounts among the first five different ones that were found. */
export function recallOf(right: readonly string[], found: readonly string[]): number {
  const first = [...new Set(found)].slice(0, ANSWERS_MAX);
  return first.filter((account) => right.includes(account)).length / right.length;
}
