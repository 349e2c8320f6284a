import { type AccountKey, accountKey } from "../account.ts";
import type { Parts } from "../app/parts.ts";

/** Accounts read together while comparing; what one combined read of the CRM serves. */
const READ_TOGETHER = 50;
/** Differences named; one is already a failure. */
const DIFFERENCES_MAX = 10;

/** What a comparison of the whole memory with the whole CRM found. */
export interface Comparison {
  readonly compared: number;
  /** One sentence each, at most DIFFERENCES_MAX. */
  readonly differences: readonly string[];
}

/** How a run of the demo ended. */
export interface DemoEnd {
  /** False = callbacks or queue had not come to rest in time. */
  readonly isSettled: boolean;
  readonly queueSize: number;
  readonly comparison: Comparison;
  readonly deadLetters: number;
  /** Faults of code UNEXPECTED: bugs, even where a retry made good for them. */
  readonly bugs: number;
}

/** Why a run fails, one sentence each; empty = all is well. */
export function shortcomings(end: DemoEnd): readonly string[] {
  const { comparison, deadLetters, bugs, isSettled, queueSize } = end;
  const { compared, differences } = comparison;
  return [
    ...(isSettled ? [] : [`${queueSize} events had not settled in time`]),
    ...(deadLetters === 0 ? [] : [`${deadLetters} dead letters`]),
    ...(bugs === 0 ? [] : [`${bugs} bugs were met (faults of code UNEXPECTED)`]),
    ...(differences.length === 0 ? [] : [`the memory differs from the CRM (${compared} accounts compared)`]),
  ];
}

/**
 * Reads every account afresh, renders it, and compares the text with what the memory holds; accounts that are gone must
 * be gone from the memory. This is promise P3, asked of the running system.
 */
export async function compareMemory(
  parts: Pick<Parts, "crm" | "memory" | "render">,
  accounts: { readonly present: readonly string[]; readonly gone: readonly string[] },
  signal: AbortSignal,
): Promise<Comparison> {
  const differences: string[] = [];
  for (let at = 0; at < accounts.present.length; at += READ_TOGETHER) {
    const keys: AccountKey[] = accounts.present.slice(at, at + READ_TOGETHER).map((id) => accountKey(id));
    const reads = await parts.crm.readAccounts(keys, signal);
    for (const key of keys) {
      const read = reads.get(key);
      const stored = await parts.memory.read(key, signal);
      if (read?.outcome !== "found") differences.push(`${key} could not be read from the CRM`);
      else if (stored === undefined) differences.push(`${key} is missing in the memory`);
      else if (stored.text !== parts.render(read.snapshot).text)
        differences.push(`${key} is out of date in the memory`);
    }
  }
  for (const id of accounts.gone) {
    if ((await parts.memory.read(accountKey(id), signal)) !== undefined) differences.push(`${id} was not forgotten`);
  }
  return {
    compared: accounts.present.length + accounts.gone.length,
    differences: differences.slice(0, DIFFERENCES_MAX),
  };
}
