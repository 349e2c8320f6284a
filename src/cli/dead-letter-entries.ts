import { type AccountKey, accountIdOf, recordKey, recordOf } from "../account.ts";
import type { DeadLetter, QueueView } from "../queue/queue-view.ts";
import { accountIdAt } from "./event-view.ts";
import type { Parts } from "./parts.ts";

/** Records looked up in the ledger in one step. */
const LOOKUP = 500;

/**
 * What a person deals with: all dead letters of one account. A record that failed on its way counts to the account that the
 * ledger last saw it under; what no account is known of is an entry of its own.
 */
export interface DeadEntry {
  readonly accountId: string | null;
  /** The one that names the entry: the account's sync where that failed, else the newest. It is among `letters`. */
  readonly first: DeadLetter;
  /** Newest first. */
  readonly letters: readonly DeadLetter[];
}

type Sources = {
  readonly view: Pick<QueueView, "deadLetters" | "stats">;
  readonly ledger: Pick<Parts["ledger"], "parents">;
};

/** Dead letters of all lanes, and of the route lane alone: without any of those every letter is an entry. */
export async function countDead(
  view: Pick<QueueView, "stats">,
): Promise<{ readonly all: number; readonly route: number }> {
  const { lanes } = await view.stats();
  return { all: Object.values(lanes).reduce((sum, lane) => sum + lane.dead, 0), route: lanes.route.dead };
}

/** All entries, that of the newest letter first. */
export async function readEntries({ view, ledger }: Sources): Promise<readonly DeadEntry[]> {
  const { all } = await countDead(view);
  const letters = await view.deadLetters({ limit: Math.max(1, all) });
  const owners = await ownersOf(ledger, letters);
  const groups = new Map<string, DeadLetter[]>();
  for (const letter of letters) {
    const name = owners.get(letter.id) ?? letter.id;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [letter]);
    else group.push(letter);
  }
  return [...groups.values()].flatMap((group) => entryOf(group, owners));
}

/** An entry of one letter, as there are where no record failed on its way. */
export function singleEntry(letter: DeadLetter): DeadEntry {
  return { accountId: accountIdAt(letter), first: letter, letters: [letter] };
}

function entryOf(letters: readonly DeadLetter[], owners: ReadonlyMap<string, string>): readonly DeadEntry[] {
  const first = letters.find(({ lane }) => lane === "sync") ?? letters[0];
  return first === undefined ? [] : [{ accountId: owners.get(first.id) ?? null, first, letters }];
}

/** Account ids by letter, where they are known. */
async function ownersOf(
  ledger: Sources["ledger"],
  letters: readonly DeadLetter[],
): Promise<ReadonlyMap<string, string>> {
  const owners = new Map<string, string>();
  const onTheirWay = letters.filter(({ lane }) => lane === "route");
  for (const letter of letters) {
    const accountId = accountIdAt(letter);
    if (accountId !== null) owners.set(letter.id, accountId);
  }
  for (let from = 0; from < onTheirWay.length; from += LOOKUP) {
    const part = onTheirWay.slice(from, from + LOOKUP).map((letter) => ({ letter, record: recordIn(letter.key) }));
    const parents: ReadonlyMap<string, AccountKey> = await ledger.parents(part.map(({ record }) => record));
    for (const { letter, record } of part) {
      const parent = parents.get(recordKey(record));
      if (parent !== undefined) owners.set(letter.id, accountIdOf(parent));
    }
  }
  return owners;
}

/** The record that a key of the route lane names, behind its connection. */
function recordIn(key: string) {
  return recordOf(key.slice(key.indexOf("/") + 1));
}
