import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { animalDocument, animalDocuments, cogneeWorld, putOf, putsOf } from "../../../test/fakes/cognee-world.ts";
import type { FlushKeeper } from "../memory.ts";

const never = new AbortController().signal;
const keeper: FlushKeeper = { setAside: async () => undefined };

/** Sixteen documents, some of which break the run, and another process that looks at the same time. */
async function poisoned(t: TestContext, isPoison: (id: number) => boolean) {
  const world = await cogneeWorld(t, { patienceMs: 0 });
  const documents = animalDocuments(16, "zebra").map((document, index) =>
    isPoison(index + 1) ? animalDocument(index + 1, "basilisk") : document,
  );
  world.standIn.poison("basilisk");
  await world.memory.put(putsOf(documents), never);
  return { ...world, documents };
}

describe("while a process looks for what breaks the index", () => {
  test("no other writes or forgets: what it has out would come back, or be taken for one of them", async (t) => {
    const { memory, another } = await poisoned(t, (id) => id === 1);
    const other = another();
    const met: string[] = [];
    const account = animalDocument(16, "zebra").account;
    const meets = (name: string) => (error: unknown) => {
      met.push(name);
      assert.equal((error as { code: string }).code, "SINK_BUSY"); // A fault, or this fails.
      return true;
    };
    const refused = await memory.flush(never, {
      setAside: async () => {
        await assert.rejects(other.remove([{ account }], never), meets("remove"));
        await assert.rejects(other.put([putOf(animalDocument(16, "okapi"))], never), meets("put"));
      },
    });
    assert.deepEqual(met, ["remove", "put"]);
    assert.deepEqual(
      refused.map((each) => each.account),
      [animalDocument(1, "basilisk").account],
    );
    assert.equal((await other.remove([{ account }], never))[0]?.outcome, "removed");
    assert.equal(await other.read(account, never), undefined);
  });

  test("documents that stand together and break it are found, and not taken for everyone's trouble", async (t) => {
    const { memory } = await poisoned(t, (id) => id <= 4);
    const refused = await memory.flush(never, keeper);
    assert.deepEqual(
      refused.map(({ account }) => account).toSorted(),
      [1, 2, 3, 4].map((id) => animalDocument(id, "").account),
    );
    assert.equal((await memory.search("zebra", { limit: 30 }, never)).length, 12);
  });

  test("documents of which each breaks it are found as well, where one that was indexed before can be again", async (t) => {
    const { memory, documents } = await poisoned(t, (id) => id > 12);
    await memory.flush(never, keeper);
    const poisons = documents.slice(12);
    const put = () => memory.put(putsOf(poisons), never);
    const outcomes = (await put()).map((result) => result.outcome === "failed" && result.fault.code);
    assert.deepEqual(outcomes, Array(4).fill("SINK_REFUSED"));
    await put(); // As dead letters that are redriven together.
    const refused = await memory.flush(never, keeper);
    assert.deepEqual(new Set(refused.map(({ account }) => account)), new Set(poisons.map(({ account }) => account)));
    assert.equal((await memory.search("zebra", { limit: 30 }, never)).length, 12);
  });

  test("and is killed, the next run begins with nobody held up", async (t) => {
    const { memory, another } = await poisoned(t, (id) => id === 1);
    const killed = memory.flush(never, {
      setAside: () => new Promise<never>(() => undefined), // It never comes back from there.
    });
    killed.catch(() => undefined);
    while (!(await isHeldUp(another()))) await new Promise(setImmediate);
    await another().flush(never, keeper);
    assert.equal((await another().put([putOf(animalDocument(17, "okapi"))], never))[0]?.outcome, "stored");
  });
});

/** Whether a write is given back. */
async function isHeldUp(memory: {
  readonly remove: (
    accounts: readonly { readonly account: `${string}/${string}` }[],
    signal: AbortSignal,
  ) => Promise<unknown>;
}) {
  return memory.remove([{ account: "zoho/999" }], never).then(
    () => false,
    () => true,
  );
}

describe("a document of another client that breaks the run", () => {
  test("is told as such, as an outage that a person ends, and is nobody's dead letter", async (t) => {
    const { memory, standIn, call } = await cogneeWorld(t);
    await memory.put([putOf(animalDocument(1, "zebra"))], never);
    const [dataset] = (await call("GET", "/datasets")) as readonly { readonly id: string }[]; // The stand-in's documented shape.
    const form = new FormData();
    form.append("datasetId", dataset?.id ?? "");
    form.append("data", new Blob(["a basilisk of theirs"], { type: "text/plain" }), "theirs.txt");
    await fetch(`${standIn.url}/api/v1/add`, { method: "POST", headers: { "x-api-key": standIn.apiKey }, body: form });
    standIn.poison("basilisk");
    const told = { code: "SINK_UNAVAILABLE", retry: "pause", message: /documents of another client break it/ };
    await assert.rejects(memory.flush(never, keeper), told);
    await assert.rejects(memory.flush(never, keeper), told, "also when it stands alone");
  });
});
