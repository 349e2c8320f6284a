import { accountIdOf } from "../account.ts";
import { type Memory, QUERY_LENGTH_MAX } from "../memory/memory.ts";
import { answered } from "./answered.ts";
import { EXIT, type ExitCode, Misuse } from "./exit-code.ts";
import type { CommandIo } from "./parts.ts";

/** Hits shown unless `--limit` says otherwise. */
export const SEARCH_LIMIT_DEFAULT = 5;
/** Most hits of one search. */
export const SEARCH_LIMIT_MAX = 100;
/** A person waits, who can end it: a dataset for each account has Cognee open one after the other, for a second each. */
const SEARCH_TIMEOUT_MS = 600_000;

/** `memory search`: the accounts that answer a question best. No hit is an answer too. */
export async function searchMemory(
  io: CommandIo,
  memory: Pick<Memory, "search">,
  question: { readonly text: string; readonly limit: number },
): Promise<ExitCode> {
  const text = question.text.trim();
  if (text === "" || text.length > QUERY_LENGTH_MAX)
    throw new Misuse(`give 1 to ${QUERY_LENGTH_MAX} characters to search for`);
  const bound = { ms: SEARCH_TIMEOUT_MS, code: "SINK_UNREACHABLE", doing: "searching" } as const;
  const hits = await answered(io, bound, (signal) => memory.search(text, { limit: question.limit }, signal));
  if (io.terminal.isJson) {
    io.terminal.json(
      hits.map((hit) => ({
        account_id: accountIdOf(hit.account),
        title: hit.title,
        snippet: hit.snippet,
        score: hit.score,
      })),
    );
  } else if (hits.length === 0) io.terminal.line("nothing found");
  else {
    io.terminal.table(
      ["account", "title", "passage"],
      hits.map((hit) => [accountIdOf(hit.account), hit.title, hit.snippet]),
    );
  }
  return EXIT.done;
}
