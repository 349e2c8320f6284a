import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  accountsWith,
  animalDocument,
  type CogneeWorld,
  cogneeWorld,
  putOf,
  refOf,
} from "../../../test/fakes/cognee-world.ts";
import { accountKey } from "../../account.ts";
import type { FlushKeeper } from "../memory.ts";

const never = new AbortController().signal;

/** Documents of companies 1 to `count`. */
function herd(count: number, animal = "zebra") {
  return Array.from({ length: count }, (_, index) => putOf(animalDocument(index + 1, animal)));
}

/** Rows of the dataset as somebody else sees them. */
async function names({ call }: CogneeWorld): Promise<readonly string[]> {
  const [dataset] = (await call("GET", "/datasets")) as { id: string }[]; // the stand-in's documented shape
  const rows = (await call("GET", `/datasets/${dataset?.id}/data?limit=1000`)) as { name: string }[];
  return rows.map(({ name }) => name).sort();
}

function noteKeeper() {
  const aside: string[] = [];
  const keeper: FlushKeeper = {
    setAside: async (accounts) => {
      aside.push(...accounts);
    },
  };
  return { aside, keeper };
}

describe("what it costs Cognee", () => {
  test("many new documents are one add, and one run makes them searchable", async (t) => {
    const { memory, standIn, counted } = await cogneeWorld(t);
    await memory.put(herd(40), never);
    await memory.flush(never);
    await memory.flush(never);
    assert.equal(standIn.counts.calls["POST /add"], 1);
    assert.equal(standIn.counts.calls["POST /cognify"], 1);
    assert.equal(counted["index_runs"], 1);
    assert.equal(counted["index_documents"], 40);
    assert.equal(counted["sink_documents"], 40);
    assert.equal((await accountsWith(memory, "zebra")).length, 30);
  });

  test("a changed document that is in the index is updated in place, without a run, and keeps its id", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    const [first] = await memory.put(herd(1), never);
    await memory.flush(never);
    const [second] = await memory.put([putOf(animalDocument(1, "okapi"), { sinkRef: refOf(first) })], never);
    assert.deepEqual(second, { outcome: "stored", sinkRef: refOf(first), isIndexed: true });
    assert.equal(standIn.counts.runs, 1);
    assert.equal(standIn.counts.documentsUpdated, 1);
    assert.deepEqual(await accountsWith(memory, "okapi"), [accountKey("1")]);
  });

  test("one that no run has taken yet is deleted and added: the model never sees the old text", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    const [first] = await memory.put(herd(1), never);
    const [second] = await memory.put([putOf(animalDocument(1, "okapi"), { sinkRef: refOf(first) })], never);
    assert.notEqual(refOf(second), refOf(first));
    await memory.flush(never);
    assert.equal(standIn.counts.documentsCognified, 1);
    assert.deepEqual(await accountsWith(memory, "zebra"), []);
  });

  test("after another process indexed it, it is updated in place", async (t) => {
    const { memory, standIn, another } = await cogneeWorld(t);
    const [first] = await memory.put(herd(1), never);
    await another().flush(never);
    await memory.put([putOf(animalDocument(1, "okapi"), { sinkRef: refOf(first) })], never);
    assert.equal(standIn.counts.documentsUpdated, 1);
  });
});

describe("metadata", () => {
  test("a renamed account has its title in a search: Cognee takes new metadata with a new document only", async (t) => {
    const { memory } = await cogneeWorld(t);
    const [first] = await memory.put(herd(1), never);
    await memory.flush(never);
    const renamed = { ...animalDocument(1, "zebra"), title: "Renamed" };
    await memory.put([putOf({ ...renamed, text: `${renamed.text}.` }, { sinkRef: refOf(first) })], never);
    await memory.flush(never);
    const [hit] = await memory.search("zebra", { limit: 1 }, never);
    assert.equal(hit?.title, "Renamed");
  });

  test("a document that Cognee had to rebuild has its metadata again", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    const [first] = await memory.put(herd(1), never);
    await memory.flush(never);
    const dying = standIn.crashAt("update-writing");
    const update = memory.put([putOf(animalDocument(1, "okapi"), { sinkRef: refOf(first) })], never);
    await assert.rejects(update, { code: "SINK_UNREACHABLE" });
    await dying;
    await standIn.restart();
    const again = putOf(animalDocument(1, "okapi"), { sinkRef: refOf(first), isUncertain: true });
    const [second] = await memory.put([again], never);
    assert.equal(second?.outcome === "stored" && second.isIndexed, false);
    await memory.flush(never);
    assert.deepEqual(await accountsWith(memory, "zebra"), []);
    const [hit] = await memory.search("okapi", { limit: 1 }, never);
    assert.equal(hit?.title, "Company 1");
  });
});

describe("answers that never came", () => {
  test("an add that was done and not answered makes no twin", async (t) => {
    const world = await cogneeWorld(t);
    world.standIn.hangUp("POST /add", "after");
    await assert.rejects(world.memory.put(herd(3), never), { code: "SINK_UNREACHABLE" });
    const again = herd(3).map((request) => ({ ...request, isUncertain: true }));
    await world.memory.put(again, never);
    assert.deepEqual(await names(world), ["zoho-1", "zoho-2", "zoho-3"]);
  });

  test("an update that was done and not answered is sent again", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    const [first] = await memory.put(herd(1), never);
    await memory.flush(never);
    standIn.hangUp("PATCH /update", "after");
    const update = putOf(animalDocument(1, "okapi"), { sinkRef: refOf(first) });
    await assert.rejects(memory.put([update], never), { code: "SINK_UNREACHABLE" });
    const [second] = await memory.put([{ ...update, isUncertain: true }], never);
    assert.equal(refOf(second), refOf(first));
    assert.deepEqual(await accountsWith(memory, "okapi"), [accountKey("1")]);
  });

  test("twins that somebody made are one document after the next write", async (t) => {
    const world = await cogneeWorld(t);
    const [first] = await world.memory.put(herd(1), never);
    const form = new FormData();
    const [dataset] = (await world.call("GET", "/datasets")) as { id: string }[]; // the stand-in's documented shape
    form.append("datasetId", dataset?.id ?? "");
    form.append("data", new Blob(["# Another"]), "zoho-1.md");
    const headers = { "x-api-key": world.standIn.apiKey };
    await fetch(`${world.standIn.url}/api/v1/add`, { method: "POST", body: form, headers });
    assert.deepEqual(await names(world), ["zoho-1", "zoho-1"]);
    await world.memory.put([putOf(animalDocument(1, "okapi"), { sinkRef: refOf(first), isUncertain: true })], never);
    assert.deepEqual(await names(world), ["zoho-1"]);
  });

  test("a name that is taken since we looked is found by what Cognee answers", async (t) => {
    const world = await cogneeWorld(t);
    await world.another().put([putOf(animalDocument(1, "zebra"))], never);
    await world.memory.put([putOf(animalDocument(1, "okapi")), putOf(animalDocument(2, "okapi"))], never);
    assert.deepEqual(await names(world), ["zoho-1", "zoho-2"]);
    assert.match((await world.memory.read(accountKey("1"), never))?.text ?? "", /okapi/);
  });
});

describe("a document that breaks the run", () => {
  test("is found, and all others are searchable; its next write is refused, the one after is tried again", async (t) => {
    const world = await cogneeWorld(t);
    const { memory, standIn, counted } = world;
    standIn.poison("basilisk");
    const poison = animalDocument(7, "basilisk");
    await memory.put(
      herd(16).map((request, index) => (index === 6 ? putOf(poison) : request)),
      never,
    );
    const { aside, keeper } = noteKeeper();
    const refused = await memory.flush(never, keeper);
    assert.deepEqual(
      refused.map(({ account, fault }) => [account, fault.code]),
      [[poison.account, "SINK_REFUSED"]],
    );
    assert.equal(aside.length, 16);
    assert.equal((await accountsWith(memory, "zebra")).length, 15);
    assert.equal((await names(world)).length, 15);
    assert.equal(counted["index_runs_failed"], 3);
    assert.equal(counted["index_runs"], 9);
    const [next] = await memory.put([putOf(poison)], never);
    assert.equal(next?.outcome === "failed" && next.fault.code, "SINK_REFUSED");
    standIn.cure("basilisk");
    const [last] = await memory.put([putOf(poison)], never);
    assert.equal(last?.outcome, "stored");
    await memory.flush(never);
    assert.deepEqual(await accountsWith(memory, "basilisk"), [poison.account]);
  });

  test("that was changed meanwhile is written as any other", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    standIn.poison("basilisk");
    await memory.put([putOf(animalDocument(1, "basilisk")), putOf(animalDocument(2, "zebra"))], never);
    await memory.flush(never, noteKeeper().keeper);
    const [changed] = await memory.put([putOf(animalDocument(1, "okapi"))], never);
    assert.equal(changed?.outcome, "stored");
  });

  test("nothing leaves the dataset when its account cannot be noted", async (t) => {
    const world = await cogneeWorld(t);
    world.standIn.poison("basilisk");
    await world.memory.put([putOf(animalDocument(1, "basilisk")), putOf(animalDocument(2, "zebra"))], never);
    const keeper = { setAside: () => Promise.reject(new Error("the store is away")) };
    await assert.rejects(world.memory.flush(never, keeper), /the store is away/);
    assert.deepEqual(await names(world), ["zoho-1", "zoho-2"]);
  });

  test("where none can be indexed it is nobody's fault in particular", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    standIn.poison("zebra");
    await memory.put(herd(9), never);
    await assert.rejects(memory.flush(never, noteKeeper().keeper), { code: "SINK_UNAVAILABLE" });
  });

  test("an update that Cognee refuses fails alone, and the old text stays", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    const stored = await memory.put(herd(2), never);
    await memory.flush(never);
    standIn.poison("basilisk");
    const updates = ["basilisk", "okapi"].map((animal, index) =>
      putOf(animalDocument(index + 1, animal), { sinkRef: refOf(stored[index]) }),
    );
    const [bad, good] = await memory.put(updates, never);
    assert.equal(bad?.outcome === "failed" && bad.fault.code, "SINK_WRITE_FAILED");
    assert.equal(good?.outcome, "stored");
    assert.deepEqual(await accountsWith(memory, "zebra"), [accountKey("1")]);
  });
});

describe("outages", () => {
  test("a model that is away is a fault of its own: nothing is set aside, and all is searchable after its return", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    await memory.put(herd(4), never);
    standIn.modelAway = true;
    const { aside, keeper } = noteKeeper();
    await assert.rejects(memory.flush(never, keeper), { code: "SINK_MODEL_AWAY" });
    await assert.rejects(memory.probe(never), { code: "SINK_MODEL_AWAY" });
    assert.deepEqual(aside, []);
    standIn.modelAway = false;
    await memory.probe(never);
    await memory.flush(never, keeper);
    assert.equal((await accountsWith(memory, "zebra")).length, 4);
  });

  test("an update while the model is away costs no document an attempt", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    const [first] = await memory.put(herd(1), never);
    await memory.flush(never);
    standIn.modelAway = true;
    const update = putOf(animalDocument(1, "okapi"), { sinkRef: refOf(first) });
    await assert.rejects(memory.put([update], never), { code: "SINK_MODEL_AWAY" });
  });

  test("the server's model is never asked for while all is well", async (t) => {
    const { memory, standIn } = await cogneeWorld(t);
    await memory.probe(never);
    await memory.put(herd(2), never);
    await memory.flush(never);
    await memory.probe(never);
    assert.equal(standIn.counts.calls["GET /health/detailed"], undefined);
  });

  test("a damaged dataset is told as such until it is mended, though the server calls itself healthy", async (t) => {
    const { memory, standIn, call } = await cogneeWorld(t);
    await memory.put(herd(1), never);
    await memory.flush(never);
    const [dataset] = (await call("GET", "/datasets")) as { id: string }[]; // the stand-in's documented shape
    standIn.breakDataset(dataset?.id ?? "");
    await assert.rejects(memory.put(herd(2), never), { code: "SINK_DAMAGED" });
    await assert.rejects(memory.probe(never), { code: "SINK_DAMAGED" });
    standIn.mendDataset(dataset?.id ?? "");
    await memory.probe(never);
  });

  test("a server that was killed in the middle of a run has it run again, and there is no twin", async (t) => {
    const world = await cogneeWorld(t);
    await world.memory.put(herd(5), never);
    const dying = world.standIn.crashAt("cognify", 2);
    await assert.rejects(world.memory.flush(never), { code: "SINK_UNREACHABLE" });
    await dying;
    await world.standIn.restart();
    await world.memory.flush(never);
    assert.equal((await accountsWith(world.memory, "zebra")).length, 5);
    assert.equal((await names(world)).length, 5);
  });

  test("a dataset that somebody deleted is made again by the next write", async (t) => {
    const world = await cogneeWorld(t);
    await world.memory.put(herd(1), never);
    const before = await world.memory.identity(never);
    const [dataset] = (await world.call("GET", "/datasets")) as { id: string }[]; // the stand-in's documented shape
    await world.call("DELETE", `/datasets/${dataset?.id}`);
    const [again] = await world.memory.put([{ ...putOf(animalDocument(1, "okapi")), isUncertain: true }], never);
    assert.equal(again?.outcome, "stored");
    assert.notEqual(await world.memory.identity(never), before);
  });
});

describe("signing in", () => {
  test("a sign-in that ended is renewed, once for all calls", async (t) => {
    const { memory, standIn } = await cogneeWorld(t, { isByPassword: true });
    await memory.put(herd(1), never);
    standIn.endLogins();
    await Promise.all([memory.read(accountKey("1"), never), memory.read(accountKey("1"), never)]);
    assert.equal(standIn.counts.calls["POST /auth/login"], 2);
  });

  test("a key or a password that Cognee does not know opens the circuit: it is nobody's document", async (t) => {
    const wrong = [{ apiKey: "0".repeat(64) }, { username: "nobody@example.com", password: "wrong" }];
    for (const credentials of wrong) {
      const { memory } = await cogneeWorld(t, { credentials });
      await assert.rejects(memory.put(herd(1), never), { code: "SINK_UNAUTHORIZED", retry: "pause" });
    }
  });
});
