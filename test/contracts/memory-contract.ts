import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AccountKey, accountKey, type MemoryDocument } from "../../src/account.ts";
import {
  LIST_LIMIT_MAX,
  type ListedDocument,
  type Memory,
  type PutRequest,
  type RemoveResult,
} from "../../src/memory/memory.ts";

/** What a sink gives the suite for one test: an empty memory, and two things that only its keeper can do. */
export interface MemoryHarness {
  readonly memory: Memory;
  /** Closes the memory and opens it again on the same store. */
  reopen(): Promise<Memory>;
  /** Sees to it that the sink will not take this document while it takes others; returns the document to put. */
  spoil(document: MemoryDocument): Promise<MemoryDocument>;
  /** Frees all that was opened, also after a failed test. */
  close(): Promise<void>;
}

const never = new AbortController().signal;
/** Hits asked for; more than any test has documents with one word in common. */
const LIMIT = 20;

/**
 * What every sink promises (see the port). Nothing in here asks which sink it is: documents are searched after a `flush`,
 * and a hit counts by its account and text, never by its rank.
 */
export function memoryContract(name: string, open: () => Promise<MemoryHarness>): void {
  const check = (behaviour: string, body: (harness: MemoryHarness) => Promise<void>) =>
    test(behaviour, async () => {
      const harness = await open();
      try {
        await body(harness);
      } finally {
        await harness.close();
      }
    });

  describe(`memory contract: ${name}`, () => {
    describe("writing", () => writingContract(check));
    describe("listing", () => listContract(check));
    describe("failures", () => failureContract(check));
    describe("searching", () => searchContract(check));
  });
}

type Check = (behaviour: string, body: (harness: MemoryHarness) => Promise<void>) => void;

function writingContract(check: Check): void {
  check("names its store, and the same one after it was opened again", async ({ memory, reopen }) => {
    const name = await memory.identity(never);
    assert.notEqual(name, "");
    assert.equal(await (await reopen()).identity(never), name);
  });

  check("keeps a document under its account", async ({ memory }) => {
    const [result] = await memory.put([putOf(document(1, "zebra"))], never);
    assert.equal(result?.outcome, "stored");
    const stored = await memory.read(accountKey("1"), never);
    assert.equal(stored?.text, document(1, "zebra").text);
    assert.equal(stored?.account, accountKey("1"));
    assert.equal(stored?.sinkRef, result?.outcome === "stored" ? result.sinkRef : "");
  });

  check("replaces the document of an account, known by its reference or not", async ({ memory }) => {
    const first = await putStored(memory, document(1, "zebra"));
    await memory.put([{ ...putOf(document(1, "giraffe")), sinkRef: first }], never);
    assert.equal((await memory.read(accountKey("1"), never))?.text, document(1, "giraffe").text);
    await memory.put([{ document: document(1, "okapi"), isUncertain: true }], never);
    assert.equal((await memory.read(accountKey("1"), never))?.text, document(1, "okapi").text);
  });

  check("makes no twin when an uncertain write is repeated", async ({ memory }) => {
    await memory.put([putOf(document(1, "zebra"))], never);
    await memory.put([{ document: document(1, "zebra"), isUncertain: true }], never);
    await memory.put([{ document: document(1, "giraffe"), isUncertain: true }], never);
    await memory.flush(never);
    assert.equal((await hitsOf(memory, "giraffe")).filter((hit) => hit.account === accountKey("1")).length, 1);
    await memory.remove([{ account: accountKey("1") }], never);
    await memory.flush(never);
    assert.equal(await memory.read(accountKey("1"), never), undefined);
    assert.deepEqual(await accountsWith(memory, "giraffe"), []);
  });

  check("answers each request in order", async ({ memory }) => {
    const documents = [3, 1, 2].map((id) => document(id, `animal${id}`));
    const results = await memory.put(documents.map(putOf), never);
    assert.deepEqual(
      results.map((result) => result.outcome),
      ["stored", "stored", "stored"],
    );
    for (const [index, result] of results.entries()) {
      const account = documents[index]?.account ?? accountKey("0");
      const stored = await memory.read(account, never);
      assert.equal(stored?.sinkRef, result.outcome === "stored" ? result.sinkRef : "");
      assert.equal(stored?.text, documents[index]?.text);
    }
  });

  check("takes and answers nothing when there is nothing to do", async ({ memory }) => {
    assert.deepEqual(await memory.put([], never), []);
    assert.deepEqual(await memory.remove([], never), []);
    await memory.flush(never);
  });

  check("forgets an account, and forgetting it again is a success", async ({ memory }) => {
    const sinkRef = await putStored(memory, document(1, "zebra"));
    await memory.put([putOf(document(2, "zebra"))], never);
    assertForgotten(await memory.remove([{ account: accountKey("1"), sinkRef }], never));
    assert.equal(await memory.read(accountKey("1"), never), undefined);
    assert.ok(await memory.read(accountKey("2"), never), "the neighbour stays");
    assertForgotten(await memory.remove([{ account: accountKey("1"), sinkRef }], never));
    assertForgotten(await memory.remove([{ account: accountKey("777") }], never));
  });

  check("takes an account back after it was forgotten, though the old reference is given", async ({ memory }) => {
    const sinkRef = await putStored(memory, document(1, "zebra"));
    await memory.remove([{ account: accountKey("1"), sinkRef }], never);
    const [result] = await memory.put([{ document: document(1, "giraffe"), sinkRef, isUncertain: true }], never);
    assert.equal(result?.outcome, "stored");
    assert.equal((await memory.read(accountKey("1"), never))?.text, document(1, "giraffe").text);
  });

  check("keeps 150 accounts apart", async ({ memory }) => {
    const documents = Array.from({ length: 150 }, (_, index) => document(index + 1, `animal${index + 1}x`));
    const results = await memory.put(documents.map(putOf), never);
    assert.ok(results.every((result) => result.outcome === "stored"));
    for (const { account, text } of documents) assert.equal((await memory.read(account, never))?.text, text);
    await memory.flush(never);
    for (const id of [1, 75, 150]) assert.ok((await accountsWith(memory, `animal${id}x`)).includes(key(id)));
  });

  check("keeps everything when it is opened again", async ({ memory, reopen }) => {
    await memory.put([putOf(document(1, "zebra")), putOf(document(2, "giraffe"))], never);
    await memory.remove([{ account: accountKey("2") }], never);
    await memory.flush(never);
    const again = await reopen();
    assert.equal((await again.read(accountKey("1"), never))?.text, document(1, "zebra").text);
    assert.equal(await again.read(accountKey("2"), never), undefined);
    assert.deepEqual(await accountsWith(again, "zebra"), [accountKey("1")]);
  });

  check("keeps any text exactly", async ({ memory }) => {
    const texts = [
      "😀 family 👨‍👩‍👧 flag 🇩🇪",
      "שלום עולם مرحبا بالعالم",
      "日本語のテキスト ไทย",
      "e\u0301 and é",
      "' \" ; -- \\ % _ * ( ) : ^ \n\t`code` <b>&amp;</b>",
      `long ${"lorem ipsum ".repeat(17_000)}`,
      "x".repeat(50_000),
      "one",
    ];
    const documents = texts.map((text, index) => ({ ...document(index + 1, ""), text }));
    const results = await memory.put(documents.map(putOf), never);
    assert.ok(results.every((result) => result.outcome === "stored"));
    for (const { account, text } of documents) assert.equal((await memory.read(account, never))?.text, text);
  });
}

function listContract(check: Check): void {
  check("lists nothing where there is nothing", async ({ memory }) => {
    assert.deepEqual(await memory.list({ limit: LIMIT }, never), []);
  });

  check("lists every document once, page by page, in the same order each time", async ({ memory, reopen }) => {
    const documents = [5, 3, 11, 1, 2, 30, 4].map((id) => document(id, `animal${id}`));
    const results = await memory.put(documents.map(putOf), never);
    const listed = await listAll(memory, 3);
    assert.equal(listed.length, documents.length);
    for (const [index, result] of results.entries()) {
      const found = listed.find(({ account }) => account === documents[index]?.account);
      assert.equal(found?.title, documents[index]?.title);
      assert.equal(found?.sinkRef, result.outcome === "stored" ? result.sinkRef : "");
      assert.equal(found?.isIndexed, result.outcome === "stored" && result.isIndexed);
      if (found?.fingerprint !== undefined) assert.equal(found.fingerprint, documents[index]?.fingerprint);
    }
    for (const limit of [1, 2, 7, 100, LIST_LIMIT_MAX + 1]) assert.deepEqual(await listAll(memory, limit), listed);
    assert.deepEqual(await listAll(await reopen(), 2), listed);
  });

  check(
    "lists a replaced document once, with its new title and fingerprint, and says what is searchable",
    async ({ memory }) => {
      const sinkRef = await putStored(memory, document(1, "zebra"));
      await memory.put(
        [{ document: { ...document(1, "giraffe"), title: "Renamed" }, sinkRef, isUncertain: false }],
        never,
      );
      await memory.flush(never);
      const [found, ...others] = await listAll(memory, 10);
      assert.deepEqual(others, []);
      assert.equal(found?.title, "Renamed");
      assert.equal(found?.isIndexed, true);
      if (found?.fingerprint !== undefined) assert.equal(found.fingerprint, document(1, "giraffe").fingerprint);
    },
  );

  check("lists no account that was forgotten", async ({ memory }) => {
    await memory.put(
      [1, 2, 3].map((id) => putOf(document(id, "zebra"))),
      never,
    );
    await memory.remove([{ account: key(2) }], never);
    assert.deepEqual(new Set((await listAll(memory, 2)).map(({ account }) => account)), new Set([key(1), key(3)]));
  });

  check("misses no document that stayed while others came and went between two pages", async ({ memory }) => {
    const stays = [2, 4, 6, 8];
    await memory.put(
      [1, 2, 3, 4, 5, 6, 7, 8].map((id) => putOf(document(id, "zebra"))),
      never,
    );
    const seen: AccountKey[] = [];
    const gone = [1, 3, 5, 7];
    for (let page = await memory.list({ limit: 2 }, never); page.length > 0; ) {
      seen.push(...page.map(({ account }) => account));
      const going = gone.shift();
      if (going !== undefined) {
        // The document that the cursor names may be among those that go.
        const accounts = [going, 8 - going].filter((id) => !stays.includes(id)).map((id) => ({ account: key(id) }));
        await memory.remove(accounts, never);
        await memory.put([putOf(document(going + 100, "zebra")), putOf(document(4, `giraffe${going}`))], never);
      }
      const after = page.at(-1)?.cursor ?? "";
      page = await memory.list({ after, limit: 2 }, never);
    }
    for (const id of stays) assert.equal(seen.filter((account) => account === key(id)).length, 1, `account ${id}`);
  });
}

function failureContract(check: Check): void {
  check("fails a document that it cannot take, and not its neighbours", async ({ memory, spoil }) => {
    const bad = await spoil(document(2, "spoiled"));
    const results = await memory.put([document(1, "zebra"), bad, document(3, "giraffe")].map(putOf), never);
    assert.deepEqual(
      results.map((result) => result.outcome),
      ["stored", "failed", "stored"],
    );
    const [, failed] = results;
    assert.ok(failed?.outcome === "failed" && /^SINK_(REFUSED|WRITE_FAILED)$/.test(failed.fault.code));
    assert.equal((await memory.read(accountKey("1"), never))?.text, document(1, "zebra").text);
    assert.equal((await memory.read(accountKey("3"), never))?.text, document(3, "giraffe").text);
    assert.equal(await memory.read(accountKey("2"), never), undefined);
  });

  check("keeps the earlier document when the next one cannot be taken", async ({ memory, spoil }) => {
    await memory.put([putOf(document(1, "zebra"))], never);
    const [result] = await memory.put([putOf(await spoil(document(1, "spoiled")))], never);
    assert.equal(result?.outcome, "failed");
    assert.equal((await memory.read(accountKey("1"), never))?.text, document(1, "zebra").text);
  });

  check("does nothing under a signal that is aborted", async ({ memory }) => {
    const stop = AbortSignal.abort(new Error("told to stop"));
    await memory.put([putOf(document(1, "zebra"))], never);
    await assert.rejects(memory.put([putOf(document(2, "giraffe"))], stop), /told to stop/);
    await assert.rejects(memory.remove([{ account: accountKey("1") }], stop), /told to stop/);
    await assert.rejects(memory.flush(stop), /told to stop/);
    await assert.rejects(memory.search("zebra", { limit: LIMIT }, stop), /told to stop/);
    await assert.rejects(memory.read(accountKey("1"), stop), /told to stop/);
    await assert.rejects(memory.list({ limit: LIMIT }, stop), /told to stop/);
    await assert.rejects(memory.probe(stop), /told to stop/);
    assert.ok(await memory.read(accountKey("1"), never));
    assert.equal(await memory.read(accountKey("2"), never), undefined);
  });

  check("answers a probe, and closes twice", async ({ memory }) => {
    await memory.probe(never);
    await memory.close();
    await memory.close();
  });
}

function searchContract(check: Check): void {
  check("finds an account by a word of its document", async ({ memory }) => {
    await memory.put([putOf(document(1, "zebra")), putOf(document(2, "giraffe"))], never);
    await memory.flush(never);
    const hit = (await hitsOf(memory, "zebra")).find(({ account }) => account === accountKey("1"));
    assert.equal(hit?.title, document(1, "zebra").title);
    assert.match(hit?.snippet ?? "", /zebra/i);
  });

  check("finds the new words after a change, and no longer the old ones", async ({ memory }) => {
    const sinkRef = await putStored(memory, document(1, "zebra"));
    await memory.flush(never);
    await memory.put([{ ...putOf(document(1, "giraffe")), sinkRef }], never);
    await memory.flush(never);
    assert.ok((await accountsWith(memory, "giraffe")).includes(accountKey("1")));
    assert.deepEqual(await accountsWith(memory, "zebra"), []);
  });

  check("finds nothing of an account that was forgotten", async ({ memory }) => {
    await memory.put([putOf(document(1, "zebra")), putOf(document(2, "giraffe"))], never);
    await memory.flush(never);
    await memory.remove([{ account: accountKey("1") }], never);
    await memory.flush(never);
    for (const question of ["zebra", "Company 1", "giraffe"]) {
      const hits = await hitsOf(memory, question);
      assert.deepEqual(
        hits.filter(({ account }) => account === accountKey("1")),
        [],
      );
    }
  });

  check("answers any question without failing, at most as many hits as asked for", async ({ memory }) => {
    await memory.put(
      [1, 2, 3].map((id) => putOf(document(id, "zebra"))),
      never,
    );
    await memory.flush(never);
    for (const question of ["", " ", '"', "zebra AND", "NOT (", "ze*bra^2", "a:b", "😀", "\u0000", "-", "NEAR(a b)"]) {
      assert.ok((await memory.search(question, { limit: LIMIT }, never)).length <= LIMIT, question);
    }
    assert.equal((await memory.search("zebra", { limit: 2 }, never)).length, 2);
  });
}

function key(id: number): AccountKey {
  return accountKey(String(id));
}

function document(id: number, word: string): MemoryDocument {
  const title = `Company ${id}`;
  const text = `# ${title}\n\nCRM account id: ${id}\n\n- Description: keeps a ${word} in the yard\n`;
  return { account: key(id), title, text, fingerprint: `${id}-${word}` };
}

/** Forgotten, and nothing found where it was looked. */
function assertForgotten(results: readonly RemoveResult[]): void {
  assert.equal(results.length, 1);
  for (const result of results) {
    assert.ok(result.outcome === "removed");
    for (const { place, found } of result.forgetting.looked) assert.equal(found, 0, place);
  }
}

function putOf(document: MemoryDocument): PutRequest {
  return { document, isUncertain: false };
}

/** A whole pass over the listing. */
async function listAll(memory: Memory, limit: number): Promise<readonly ListedDocument[]> {
  const listed: ListedDocument[] = [];
  for (let page = await memory.list({ limit }, never); page.length > 0; ) {
    assert.ok(page.length <= Math.min(limit, LIST_LIMIT_MAX));
    listed.push(...page);
    page = await memory.list({ after: page.at(-1)?.cursor ?? "", limit }, never);
  }
  return listed;
}

async function putStored(memory: Memory, document: MemoryDocument): Promise<string> {
  const [result] = await memory.put([putOf(document)], never);
  assert.ok(result?.outcome === "stored");
  return result.sinkRef;
}

function hitsOf(memory: Memory, question: string) {
  return memory.search(question, { limit: LIMIT }, never);
}

/** Accounts found whose passage really holds the word: a search by meaning may bring others as well. */
async function accountsWith(memory: Memory, word: string): Promise<readonly AccountKey[]> {
  const hits = await hitsOf(memory, word);
  return hits.filter(({ snippet }) => snippet.replaceAll("*", "").includes(word)).map(({ account }) => account);
}
