import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import {
  accountsWith,
  animalDocument,
  animalDocuments,
  putOf,
  putsOf,
  refOf,
  sharingDocument,
} from "../../../test/fakes/cognee-world.ts";
import { textsByName } from "../../../test/fakes/texts-by-name.ts";
import { accountKey } from "../../account.ts";
import { systemClock } from "../../clock.ts";
import { silentLog } from "../../log.ts";
import { type CogneeStandIn, startCogneeStandIn } from "../../simulator/cognee/cognee-stand-in.ts";
import type { Memory } from "../memory.ts";
import { openCogneeMemory } from "./cognee-memory.ts";

const never = new AbortController().signal;
/** Rows that the record of runs shows; each search adds one. */
const RUNS_SHOWN = 50;
/** Long enough that an add comes while a run goes on. */
const RUN_MS = 1_200;

/** A Cognee 1.5.2, and processes on one dataset of it. */
async function olderWorld(t: TestContext) {
  const standIn = await startCogneeStandIn({ clock: systemClock, version: "1.5.2" });
  t.after(() => standIn.close());
  const { url, apiKey } = standIn;
  const notes = textsByName();
  const options = { url, dataset: "crm", credentials: { apiKey }, clock: systemClock, log: silentLog, notes };
  const process = (given: { readonly fetch?: typeof fetch } = {}): Memory =>
    openCogneeMemory({ ...options, ...given, count: () => undefined });
  return { standIn, process };
}

/** By account, whether it is searchable. */
async function indexedOf(memory: Memory): Promise<Readonly<Record<string, boolean>>> {
  const listed = await memory.list({ limit: 1_000 }, never);
  return Object.fromEntries(listed.map(({ account, isIndexed }) => [account, isIndexed]));
}

async function put(memory: Memory, documents: Parameters<typeof putsOf>[0]): Promise<readonly string[]> {
  return (await memory.put(putsOf(documents), never)).map(refOf);
}

/** So many searches that the record of runs shows nothing else. */
async function searchMuch(memory: Memory): Promise<void> {
  for (let count = 0; count < RUNS_SHOWN; count += 1) await memory.search("zebra", { limit: 1 }, never);
}

/** Somebody else adds a document: from then on no run seems to be under way, or to have been killed. */
async function addAsAnother({ url, apiKey }: CogneeStandIn): Promise<void> {
  const form = new FormData();
  form.append("datasetName", "crm");
  form.append("data", new Blob(["another's"]), "another.txt");
  const added = await fetch(`${url}/api/v1/add`, { method: "POST", headers: { "x-api-key": apiKey }, body: form });
  assert.equal(added.status, 200);
}

/** A process that is killed when it is about to send something. */
function killedAt(path: string): { readonly fetch: typeof fetch } {
  return {
    fetch: async (input, init) => {
      if (new URL(String(input)).pathname === path) throw new TypeError("the process was killed");
      return fetch(input, init);
    },
  };
}

describe("an update of a Cognee before 1.6", () => {
  test("is a delete and an add, and never its PATCH, which loses label and metadata", async (t) => {
    const { process } = await olderWorld(t);
    const sent: string[] = [];
    const watched: typeof fetch = async (input, init) => {
      const { pathname } = new URL(String(input));
      if (/\/(add|update|data\/[\w-]{36})$/.test(pathname)) sent.push(`${init?.method} ${pathname.split("/")[3]}`);
      return fetch(input, init);
    };
    const memory = process({ fetch: watched });
    const [sinkRef = ""] = await put(memory, [animalDocument(1, "zebra")]);
    await memory.flush(never);
    const [result] = await memory.put([putOf(animalDocument(1, "okapi"), { sinkRef })], never);
    assert.ok(result?.outcome === "stored" && !result.isIndexed && result.sinkRef !== sinkRef);
    assert.deepEqual(sent, ["POST add", "DELETE datasets", "POST add"]);
  });

  test("that was killed between the two is completed by the next run: nothing is lost, and there is no twin", async (t) => {
    const { process } = await olderWorld(t);
    const [sinkRef = ""] = await put(process(), [animalDocument(1, "zebra"), animalDocument(2, "zebra")]);
    await process().flush(never);
    const update = putOf(animalDocument(1, "okapi"), { sinkRef });
    await assert.rejects(process(killedAt("/api/v1/add")).put([update], never), { code: "SINK_UNREACHABLE" });
    assert.deepEqual(await indexedOf(process()), { [accountKey("2")]: true }, "deleted, and not added");

    const next = process();
    const [again] = await next.put([{ ...update, isUncertain: true }], never);
    await next.flush(never);
    assert.deepEqual(await indexedOf(process()), { [accountKey("1")]: true, [accountKey("2")]: true });
    assert.equal((await next.read(accountKey("1"), never))?.sinkRef, refOf(again));
    assert.deepEqual(await accountsWith(next, "okapi"), [accountKey("1")]);
    assert.deepEqual(await accountsWith(next, "zebra"), [accountKey("2")]);
  });

  test("whose answer was lost leaves no twin, though add refuses no name that is there", async (t) => {
    const { standIn, process } = await olderWorld(t);
    const [sinkRef = ""] = await put(process(), [animalDocument(1, "zebra")]);
    await process().flush(never);
    standIn.hangUp("POST /add", "after");
    const update = putOf(animalDocument(1, "okapi"), { sinkRef });
    await assert.rejects(process().put([update], never), { code: "SINK_UNREACHABLE" });
    const next = process();
    await next.put([putOf(animalDocument(1, "giraffe"), { sinkRef, isUncertain: true })], never);
    await next.flush(never);
    assert.equal((await next.list({ limit: 10 }, never)).length, 1);
    assert.deepEqual(await accountsWith(next, "giraffe"), [accountKey("1")]);
    assert.deepEqual(await accountsWith(next, "okapi"), []);
  });
});

describe("what is in the index of a Cognee before 1.6", () => {
  test("is nothing of a run that was killed, whatever of it can be found, also after an add", async (t) => {
    const { standIn, process } = await olderWorld(t);
    const memory = process();
    await put(memory, animalDocuments(3, "zebra"));
    const dying = standIn.crashAt("cognify", 2);
    await assert.rejects(memory.flush(never));
    await dying;
    await standIn.restart();
    assert.equal((await accountsWith(memory, "zebra")).length, 2, "the run left some of it");
    await addAsAnother(standIn);
    const pending = { [accountKey("1")]: false, [accountKey("2")]: false, [accountKey("3")]: false };
    assert.deepEqual(await indexedOf(process()), pending);
    await memory.flush(never);
    assert.ok(Object.values(await indexedOf(process())).every((isIndexed) => isIndexed));
    assert.equal((await memory.search("zebra", { limit: 30 }, never)).length, 3);
  });

  test("is known after so many searches that its last run is no longer shown", async (t) => {
    const { standIn, process } = await olderWorld(t);
    const memory = process();
    await put(memory, animalDocuments(2, "zebra"));
    await memory.flush(never);
    await searchMuch(memory);
    assert.deepEqual(await indexedOf(process()), { [accountKey("1")]: true, [accountKey("2")]: true });
    await put(memory, [animalDocument(3, "zebra")]);
    await searchMuch(memory);
    assert.equal((await indexedOf(memory))[accountKey("3")], false);
    assert.equal((await indexedOf(memory))[accountKey("1")], true, "this process has seen the run");
    const another = process();
    assert.ok(
      Object.values(await indexedOf(another)).every((isIndexed) => !isIndexed),
      "this one knows nothing for certain",
    );
    await another.flush(never);
    assert.equal(standIn.counts.documentsCognified, 3, "a run over what it has costs the model nothing");
    assert.ok(Object.values(await indexedOf(another)).every((isIndexed) => isIndexed));
  });

  test("is not what a repair took out and has not indexed again", async (t) => {
    const { standIn, process } = await olderWorld(t);
    const memory = process();
    await put(memory, [sharingDocument(1, "zebra")]);
    await memory.flush(never);
    await put(memory, [sharingDocument(2, "basilisk")]);
    await memory.flush(never);
    standIn.failNext("POST /cognify", 500);
    await assert.rejects(memory.remove([{ account: accountKey("2") }], never), { code: "SINK_UNAVAILABLE" });
    assert.deepEqual(await indexedOf(process()), { [accountKey("1")]: false, [accountKey("2")]: true });
    const [removed] = await memory.remove([{ account: accountKey("2") }], never);
    await memory.flush(never);
    assert.equal(removed?.outcome, "removed");
    assert.deepEqual(await accountsWith(memory, "zebra"), [accountKey("1")]);
  });

  test("is asked when the run has ended, though somebody's add makes it seem so before", async (t) => {
    const { standIn, process } = await olderWorld(t);
    const memory = process();
    await put(memory, animalDocuments(2, "zebra"));
    standIn.delayMs = RUN_MS;
    const run = memory.flush(never);
    while (standIn.counts.runs === 0) await new Promise(setImmediate);
    await addAsAnother(standIn); // Waits for the run, but not with the status.
    await run;
    assert.equal(standIn.counts.documentsCognified, 2, "it was waited for, and is not repeated");
    assert.deepEqual(await indexedOf(process()), { [accountKey("1")]: true, [accountKey("2")]: true });
  });

  test("lets a document that breaks the run be found, and no other be taken out", async (t) => {
    const { standIn, process } = await olderWorld(t);
    const memory = process();
    await put(memory, animalDocuments(2, "zebra"));
    await memory.flush(never);
    standIn.poison("basilisk", "unembeddable");
    await put(memory, [animalDocument(3, "basilisk"), animalDocument(4, "okapi")]);
    const aside: string[] = [];
    const setAside = async (accounts: readonly string[]) => void aside.push(...accounts);
    const refused = await memory.flush(never, { setAside });
    assert.deepEqual(aside, [accountKey("3"), accountKey("4")]);
    assert.deepEqual(
      refused.map(({ account, fault }) => [account, fault.code]),
      [[accountKey("3"), "SINK_REFUSED"]],
    );
    const indexed = { [accountKey("1")]: true, [accountKey("2")]: true, [accountKey("4")]: true };
    assert.deepEqual(await indexedOf(process()), indexed);
  });
});

describe("the listing of a Cognee before 1.6", () => {
  test("is whole, though no page of it ends", async (t) => {
    const { standIn, process } = await olderWorld(t);
    const memory = process();
    await put(memory, animalDocuments(1_000, "zebra")); // As many as are asked for in one page.
    assert.equal((await memory.list({ limit: 1_000 }, never)).length, 1_000);
    const looks = standIn.counts.calls["GET /datasets/:dataset_id/data"] ?? 0;
    assert.ok(looks <= 4, `${looks} calls`);
  });

  test("gives titles to hits, which carry none there, also in a process that wrote nothing", async (t) => {
    const { standIn, process } = await olderWorld(t);
    await put(process(), animalDocuments(2, "zebra"));
    await process().flush(never);
    const memory = process();
    const titlesFound = async () =>
      (await memory.search("zebra", { limit: 5 }, never)).map(({ title }) => title).sort();
    assert.deepEqual(await titlesFound(), ["Company 1", "Company 2"]);
    const looks = standIn.counts.calls["GET /datasets/:dataset_id/data"];
    assert.deepEqual(await titlesFound(), ["Company 1", "Company 2"]);
    assert.equal(standIn.counts.calls["GET /datasets/:dataset_id/data"], looks, "known by now");
  });
});

describe("the version of Cognee", () => {
  test("is refused by name where it is too old", async (t) => {
    const { process } = await olderWorld(t);
    for (const version of ["1.4.9", "0.9.0", "unknown"]) {
      const told: typeof fetch = async (input, init) =>
        new URL(String(input)).pathname === "/health"
          ? Response.json({ status: "ready", version })
          : fetch(input, init);
      const detail = `Cognee ${version}: 1.5 or newer is needed`;
      const memory = process({ fetch: told });
      await assert.rejects(memory.probe(never), { code: "SINK_UNAVAILABLE", retry: "pause", detail });
      await assert.rejects(memory.put(putsOf(animalDocuments(1, "zebra")), never), { detail });
      await assert.rejects(memory.flush(never), { detail });
    }
  });
});
