import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { manualClock } from "../../clock.ts";
import { changeChunks, chunksOf } from "./chunks.ts";
import type { StoredDocument } from "./dataset.ts";
import { openStandIn, until } from "./rig.test.ts";
import { UtcStamps } from "./utc-stamp.ts";
import { countWords, rankByWords } from "./word-ranking.ts";

test("fails the next call of a route only, and does nothing for it", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  standIn.failNext("POST /add", 500);
  standIn.failNext("POST /add", 402);
  assert.equal((await caller.call("GET", "/datasets")).status, 200);
  assert.equal((await caller.add(dataset, [["a.txt", "zebra"]])).body.error, "Internal server error");
  const budget = await caller.add(dataset, [["a.txt", "zebra"]]);
  assert.deepEqual([budget.status, budget.body.error], [402, "Token budget exhausted"]);
  assert.deepEqual(await caller.rows(dataset), []);
  assert.equal((await caller.add(dataset, [["a.txt", "zebra"]])).status, 200);
});

test("hangs up before the work, or after it", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  standIn.hangUp("POST /add", "before");
  await assert.rejects(caller.add(dataset, [["a.txt", "zebra"]]));
  assert.deepEqual(await caller.rows(dataset), []);
  standIn.hangUp("POST /add", "after");
  await assert.rejects(caller.add(dataset, [["a.txt", "zebra"]]));
  assert.equal((await caller.rows(dataset)).length, 1);
});

test("ends logins after an hour, and all at once when told to", async (t) => {
  const { standIn, clock, caller } = await openStandIn(t);
  const login = async () => {
    const { username, password } = standIn;
    const body = new URLSearchParams({ username, password });
    const response = await fetch(`${standIn.url}/api/v1/auth/login`, { method: "POST", body });
    const token = String(Object(await response.json()).access_token);
    return async () =>
      (await caller.call("GET", "/datasets", { headers: { "x-api-key": "", authorization: `Bearer ${token}` } }))
        .status;
  };
  const first = await login();
  await clock.advance(3_599_999);
  assert.equal(await first(), 200);
  await clock.advance(1);
  assert.equal(await first(), 401);
  const second = await login();
  await standIn.crash();
  await standIn.restart();
  assert.equal(await second(), 200);
  standIn.endLogins();
  assert.equal(await second(), 401);
});

test("counts calls by route, runs, and documents by what was done with them", async (t) => {
  const { standIn, caller } = await openStandIn(t);
  const dataset = await caller.dataset();
  const [document = ""] = await caller.added(dataset, [
    ["a.txt", "zebra"],
    ["b.txt", "giraffe"],
  ]);
  await caller.added(dataset, [["a.txt", "zebra"]]);
  await caller.cognify(dataset);
  await caller.update({ dataset, document }, ["a.txt", "lion"]);
  await caller.update({ dataset, document }, ["a.txt", "lion"]);
  await caller.update({ dataset, document }, ["a.txt", "tiger"], { query: "&chunk_level_diff=false" });
  const { calls, ...counts } = standIn.counts;
  assert.deepEqual(counts, { runs: 2, documentsAdded: 2, documentsCognified: 3, documentsUpdated: 1 });
  assert.deepEqual(calls, { "POST /datasets": 1, "POST /add": 2, "POST /cognify": 1, "PATCH /update": 3 });
});

test("takes the time that it was told to take, on its clock", async (t) => {
  const { clock, caller } = await openStandIn(t, { latency: { callMs: 60 } });
  const answered = caller.call("GET", "/datasets");
  await until(() => clock.sleepers === 1);
  await clock.advance(60);
  assert.equal((await answered).status, 200);
});

// Shorter than the 5 s that it would be by default.
test("closes an idle connection when its time is up", { timeout: 4_000 }, async (t) => {
  const { standIn } = await openStandIn(t, { keepAliveMs: 50 });
  const socket = connect(Number(new URL(standIn.url).port), "127.0.0.1");
  socket.write("GET /health HTTP/1.1\r\nHost: stand-in\r\n\r\n");
  let received = "";
  socket.on("data", (bytes: Buffer) => {
    received += bytes.toString();
  });
  await new Promise((resolve) => socket.once("close", resolve));
  assert.match(received, /^HTTP\/1\.1 200 /);
});

test("closes twice, also when it was killed before", async (t) => {
  const { standIn } = await openStandIn(t);
  await standIn.crash();
  await standIn.close();
  await standIn.close();
});

test("cuts a long text into pieces that make it up again, and keeps those that an edit does not touch", () => {
  const text = Array.from({ length: 1000 }, (_, index) => `line ${index} ${"words ".repeat(9)}😀\n`).join("");
  const document = documentOf(`${text}x${"😀".repeat(12_000)}`);
  document.chunks = chunksOf(document, 0);
  assert.ok(document.chunks.length > 8);
  assert.equal(document.chunks.map((chunk) => chunk.text).join(""), document.bytes.toString());
  for (const chunk of document.chunks) assert.ok(chunk.text.isWellFormed());
  const edited = document.bytes.toString().replace("line 500 ", "line five hundred ");
  const change = changeChunks(document, edited, 0);
  assert.equal(change.chunks.map((chunk) => chunk.text).join(""), edited);
  assert.equal(change.deleted, 1);
  assert.equal(change.kept, document.chunks.length - 1);
  assert.deepEqual(changeChunks(document, "", 0).chunks, []);
  const twice = documentOf(`${"x".repeat(8_749)}\n`.repeat(2));
  twice.chunks = chunksOf(twice, 0);
  assert.equal(twice.chunks.length, 2);
  const once = changeChunks(twice, twice.chunks[0]?.text ?? "", 0);
  assert.deepEqual([once.chunks.length, once.kept, once.deleted], [1, 1, 1]);
  const same = changeChunks(document, document.bytes.toString(), 0);
  assert.deepEqual([same.added.length, same.deleted, same.kept], [0, 0, document.chunks.length]);
});

test("ranks the text with the rare word before one with the common word", () => {
  const entries = ["the long tale", "zebra long tale", "the other one", "the last one"].map((text) => ({
    text,
    words: countWords(text),
  }));
  assert.equal(rankByWords("the zebra", entries)[0]?.entry.text, "zebra long tale");
});

test("gives no two things the same time, though its clock stands still", () => {
  const stamps = new UtcStamps(manualClock());
  const given = Array.from({ length: 2_000 }, () => stamps.next());
  assert.equal(new Set(given).size, given.length);
  assert.deepEqual(given.toSorted(), given);
  assert.match(given[0] ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
});

test("ranks by words: rare ones weigh more, nothing is left out", () => {
  const entries = ["the zebra", "the the the giraffe", "the lion and the zebra", "nothing"].map((text) => ({
    text,
    words: countWords(text),
  }));
  const ranked = rankByWords("the ZEBRA", entries);
  assert.deepEqual(
    ranked.map(({ entry }) => entry.text),
    ["the zebra", "the lion and the zebra", "the the the giraffe", "nothing"],
  );
  assert.ok((ranked[0]?.distance ?? 1) < 1e-9);
  assert.equal(ranked.at(-1)?.distance, 1);
  assert.equal(rankByWords("", entries).length, 4);
});

function documentOf(text: string): StoredDocument {
  return {
    ...{ id: "d", datasetId: "s", createdAt: "", updatedAt: "", name: "a", bytes: Buffer.from(text), hash: "" },
    ...{ label: null, metadata: undefined, nodeSet: [], isCompleted: true, isTorn: false, chunks: [] },
  };
}
