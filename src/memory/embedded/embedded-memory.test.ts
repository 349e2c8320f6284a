import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import fc from "fast-check";
import { accountKey, type MemoryDocument } from "../../account.ts";
import { manualClock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { silentLog } from "../../log.ts";
import { type Memory, QUERY_LENGTH_MAX, SNIPPET_LENGTH_MAX } from "../memory.ts";
import { openEmbeddedMemory, openEmbeddedMemoryReader } from "./embedded-memory.ts";
import { guarded } from "./sqlite-faults.ts";

const never = new AbortController().signal;
/** SQLite's default, which the memory uses. */
const PAGE_BYTES = 4_096;

interface Place {
  readonly path: string;
  open(): Memory;
}

function check(behaviour: string, body: (memory: Memory, place: Place) => Promise<void>): void {
  test(behaviour, async () => {
    const folder = mkdtempSync(join(tmpdir(), "memhook-embedded-"));
    const path = join(folder, "memory.db");
    const open = () => openEmbeddedMemory({ path, clock: manualClock(), log: silentLog });
    const memory = open();
    try {
      await body(memory, { path, open });
    } finally {
      await memory.close();
      rmSync(folder, { recursive: true });
    }
  });
}

function document(id: number, text: string, title = `Company ${id}`): MemoryDocument {
  return { account: accountKey(String(id)), title, text, fingerprint: text };
}

async function put(memory: Memory, ...documents: readonly MemoryDocument[]): Promise<void> {
  const requests = documents.map((one) => ({ document: one, isUncertain: false }));
  const results = await memory.put(requests, never);
  assert.ok(results.every((result) => result.outcome === "stored" && result.isIndexed));
}

async function found(memory: Memory, question: string): Promise<readonly string[]> {
  const hits = await memory.search(question, { limit: 10 }, never);
  return hits.map(({ account }) => account.replace("zoho/", ""));
}

check("finds an e-mail, a part of it, a 19-digit id, and words at the end of sentences", async (memory) => {
  await put(
    memory,
    document(1, "Mail: jane.doe@acme-gears.example. Deal 4876876000000123001 is with Acme."),
    document(2, "Mail: max@other.example, deal 4876876000000123002; doe and jane apart"),
  );
  assert.deepEqual(await found(memory, "jane.doe@acme-gears.example"), ["1"]);
  assert.deepEqual(await found(memory, "other.example"), ["2"]);
  assert.deepEqual(await found(memory, "4876876000000123001"), ["1"]);
  assert.deepEqual(await found(memory, "acme"), ["1"]);
  assert.deepEqual(await found(memory, "(Acme)?"), ["1"]);
});

check("finds words without their accents and in any case, and the last one by its beginning", async (memory) => {
  await put(memory, document(1, "Müller café crème"), document(2, "Łódź"));
  assert.deepEqual(await found(memory, "MULLER"), ["1"]);
  assert.deepEqual(await found(memory, "cafe\u0301"), ["1"]);
  assert.deepEqual(await found(memory, "müller caf"), ["1"]);
  assert.deepEqual(await found(memory, "caf müller"), ["1"], "falls back to any of the words");
});

check("prefers documents with all words, and titles; else takes any word", async (memory) => {
  await put(
    memory,
    document(1, "springs and gears and springs"),
    document(2, "springs only, springs"),
    document(3, "gears are mentioned once in a longer text about other things", "Gears Ltd"),
    document(4, "gears gears gears gears in a longer text about other things"),
  );
  assert.deepEqual(await found(memory, "springs gears"), ["1"]);
  assert.equal((await found(memory, "gears"))[0], "3");
  assert.deepEqual(await found(memory, "which springs do they sell?"), ["2", "1"]);
  const scores = (await memory.search("gears", { limit: 10 }, never)).map((hit) => hit.score);
  assert.deepEqual(
    scores,
    scores.toSorted((a, b) => b - a),
  );
});

check("shows the best passage, short, with its matches marked", async (memory) => {
  const filler = "lorem ipsum dolor sit amet ".repeat(200);
  await put(
    memory,
    document(1, `${filler}\n- Text: the **zebra** eats\n  > grass${filler}`),
    document(2, "x".repeat(900)),
  );
  const [hit] = await memory.search("zebra grass", { limit: 1 }, never);
  assert.match(hit?.snippet ?? "", /the \*\*zebra\*\*/);
  assert.ok((hit?.snippet.length ?? 0) <= SNIPPET_LENGTH_MAX);
  assert.doesNotMatch(hit?.snippet ?? "", /\n/);
  const [long] = await memory.search("x".repeat(900), { limit: 1 }, never);
  const snippet = long?.snippet ?? "";
  assert.ok(snippet.length <= SNIPPET_LENGTH_MAX && snippet.startsWith("**xxx") && snippet.endsWith("**…"));
});

check("takes whatever is typed for text, never for syntax", async (memory) => {
  await put(memory, document(1, "zebra and giraffe"));
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      '"',
      "'",
      "*",
      "(",
      ")",
      "AND",
      "OR",
      "NOT",
      "NEAR(",
      "^",
      ":",
      "-",
      "+",
      "{",
      "title:",
      "\u0000",
      "😀",
      "\ud800",
      "ﷺ",
      "𞤀",
      " ",
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      const hits = await memory.search(pieces.join(""), { limit: 5 }, never);
      assert.ok(hits.length <= 1);
    }),
    { numRuns: 300 },
  );
  assert.deepEqual(await found(memory, '"zebra" AND (giraffe)* OR'), ["1"]);
  assert.equal((await memory.search("zebra ".repeat(QUERY_LENGTH_MAX), { limit: 5 }, never)).length, 1);
  assert.equal((await memory.search("zebra", { limit: -3 }, never)).length, 1);
});

check("leaves no byte of a forgotten account in its file, earlier versions included", async (memory, { path }) => {
  const filler = Array.from({ length: 300 }, (_, index) => `word${index}`).join(" ");
  for (let id = 1; id <= 60; id += 1) await put(memory, document(id, `${filler} number${id}`));
  await put(memory, document(7, `${filler} quagmire`, "Xylophone Works"));
  await put(memory, document(7, `${filler} bulldozer`, "Xylophone Works"));
  assert.deepEqual(await found(memory, "bulldozer"), ["7"]);
  const [removal] = await memory.remove([{ account: accountKey("7") }], never);
  assert.equal(removal?.outcome, "removed");
  for (const word of ["quagmire", "bulldozer", "xylophone"]) assert.deepEqual(await found(memory, word), []);
  const bytes = [path, `${path}-wal`].filter(existsSync).map((file) => readFileSync(file, "latin1").toLowerCase());
  // The index cuts what a word shares with its neighbour, so the tails are looked for.
  for (const tail of ["agmire", "lldozer", "lophone"]) assert.ok(!bytes.join("").includes(tail), tail);
  const database = new DatabaseSync(path);
  database.exec("INSERT INTO document_words (document_words, rank) VALUES ('integrity-check', 1)");
  assert.equal(database.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
  database.close();
  assert.equal((await found(memory, "number8"))[0], "8", "neighbours stay");
});

check("is read by a second process while it is written", async (memory, { path }) => {
  await put(memory, document(1, "zebra"));
  const reader = openEmbeddedMemoryReader(path);
  assert.equal((await reader.search("zebra", { limit: 5 }, never)).length, 1);
  await put(memory, document(1, "giraffe"));
  assert.equal((await reader.read(accountKey("1"), never))?.text, "giraffe");
  assert.deepEqual(await reader.search("zebra", { limit: 5 }, never), []);
  await reader.close();
});

check("is written by two that have it open", async (memory, { open }) => {
  const other = open();
  await put(memory, document(1, "zebra"));
  await put(other, document(1, "giraffe"), document(2, "okapi"));
  await put(memory, document(2, "zebra"));
  assert.deepEqual(await found(memory, "giraffe"), ["1"]);
  assert.deepEqual(await found(other, "okapi"), []);
  await other.close();
});

check(
  "says that it is unavailable while another process holds its lock, and works again after",
  async (memory, { path }) => {
    const holder = new DatabaseSync(path);
    holder.exec("BEGIN IMMEDIATE");
    const request = { document: document(1, "zebra"), isUncertain: false };
    await assert.rejects(memory.put([request], never), { code: "SINK_UNAVAILABLE" });
    await assert.rejects(memory.probe(never), { code: "SINK_UNAVAILABLE" });
    holder.exec("ROLLBACK");
    holder.close();
    await memory.probe(never);
    await put(memory, document(1, "zebra"));
  },
);

test("takes a full disk for trouble of the store, and a refused row for its own", () => {
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE line (text TEXT CHECK (text <> '')); PRAGMA max_page_count = 5");
  const insert = database.prepare("INSERT INTO line VALUES (?)");
  assert.throws(() => guarded("writing", () => insert.run("x".repeat(100_000))), { code: "SINK_UNAVAILABLE" });
  assert.throws(() => guarded("writing", () => insert.run("")), { code: "ERR_SQLITE_ERROR" });
  database.close();
});

check(
  "whatever page is damaged, who asks is told so, and to the workers the sink is away",
  async (memory, { path, open }) => {
    const ids = Array.from({ length: 40 }, (_, id) => id);
    await put(memory, ...ids.map((id) => document(id, `zebra${id} ${"stripes ".repeat(400)}`)));
    await memory.close();
    const sound = readFileSync(path);
    const told = { asking: new Set<unknown>(), working: new Set<unknown>() };
    for (let page = 0; page < sound.length; page += PAGE_BYTES) {
      writeFileSync(path, Buffer.from(sound).fill(0xa5, page, page + PAGE_BYTES));
      const damaged = await codeOf(told.asking, async () => open());
      if (damaged === undefined) continue;
      for (const id of ids) {
        await codeOf(told.asking, () => damaged.read(accountKey(String(id)), never));
        await codeOf(told.asking, () => damaged.search(`zebra${id}`, { limit: 5 }, never));
        await codeOf(told.working, () => put(damaged, document(id, `okapi${id}`)));
      }
      await damaged.close();
    }
    assert.deepEqual([[...told.asking], [...told.working]], [["STORE_INVALID"], ["SINK_UNAVAILABLE"]]);
  },
);

/** The call's result, or undefined: then the code of what it threw is among `told`. */
async function codeOf<T>(told: Set<unknown>, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    told.add(error instanceof Fault ? error.code : error);
    return undefined;
  }
}

check(
  "takes over a file of the release before, and learns each fingerprint when a document is put again",
  async (memory, { path, open }) => {
    await put(memory, document(1, "zebra"), document(2, "giraffe"));
    const name = await memory.identity(never);
    await memory.close();
    const database = new DatabaseSync(path);
    // As version 1 was: the same but for this column.
    database.exec("ALTER TABLE document DROP COLUMN fingerprint; PRAGMA user_version = 1");
    database.close();
    const taken = open();
    const fingerprints = async () => (await taken.list({ limit: 10 }, never)).map((listed) => listed.fingerprint);
    assert.equal(await taken.identity(never), name, "the documents need not be written again");
    assert.deepEqual(await fingerprints(), [undefined, undefined]);
    await put(taken, document(2, "giraffe"));
    assert.deepEqual(await fingerprints(), [undefined, "giraffe"]);
    await put(taken, { ...document(1, "okapi"), fingerprint: "other" });
    assert.deepEqual(await fingerprints(), ["other", "giraffe"]);
    assert.deepEqual(await found(taken, "okapi"), ["1"]);
    assert.deepEqual(await found(taken, "zebra"), []);
    await taken.close();
  },
);

check("refuses a file of a later release, and one that is no database", async (memory, { path, open }) => {
  await memory.close();
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 99");
  database.close();
  assert.throws(open, { code: "STORE_INVALID" });
  rmSync(path);
  writeFileSync(path, "this is no database, but it is long enough to look at ".repeat(100));
  assert.throws(open, { code: "STORE_INVALID" });
  assert.throws(() => openEmbeddedMemoryReader(`${path}-missing`), { code: "SINK_UNAVAILABLE" });
});
