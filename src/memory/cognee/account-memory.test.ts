import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  accountsWith,
  animalDocument,
  animalDocuments,
  type CogneeWorld,
  cogneeWorld,
  putOf,
  putsOf,
} from "../../../test/fakes/cognee-world.ts";
import { accountKey } from "../../account.ts";

const never = new AbortController().signal;

/** Of each dataset its id, by its name. */
async function datasets({ call }: CogneeWorld): Promise<ReadonlyMap<string, string>> {
  const rows = (await call("GET", "/datasets")) as readonly { readonly id: string; readonly name: string }[]; // The stand-in's documented shape.
  return new Map(rows.map(({ id, name }) => [name, id]));
}

describe("a dataset for each account", () => {
  test("is named behind the dataset that is set, which itself stays empty", async (t) => {
    const world = await cogneeWorld(t, { isPerAccount: true });
    await world.memory.identity(never);
    await world.memory.put(putsOf(animalDocuments(2, "zebra")), never);
    assert.deepEqual([...(await datasets(world)).keys()].sort(), ["crm", "crm-zoho-1", "crm-zoho-2"]);
  });

  test("is another memory than one dataset for all, so that a change of the setting writes every account anew", async (t) => {
    const [one, many] = [await cogneeWorld(t), await cogneeWorld(t, { isPerAccount: true })];
    const names = await Promise.all([one, many].map(({ memory }) => memory.identity(never)));
    assert.match(names[1] ?? "", /\/account$/);
    assert.doesNotMatch(names[0] ?? "", /account/);
  });

  test("leaves other datasets alone, also those whose names begin alike", async (t) => {
    const world = await cogneeWorld(t, { isPerAccount: true });
    for (const name of ["crm-other", "crm2-zoho-7", "zoho-7"]) await world.call("POST", "/datasets", { name });
    await world.memory.put([putOf(animalDocument(7, "zebra"))], never);
    await world.memory.remove([{ account: accountKey("7") }], never);
    assert.deepEqual(await world.memory.list({ limit: 10 }, never), []);
    assert.deepEqual([...(await datasets(world)).keys()].sort(), ["crm-other", "crm2-zoho-7", "zoho-7"]);
  });

  test("is made by a write only: reading and listing what was deleted leave nothing behind", async (t) => {
    const world = await cogneeWorld(t, { isPerAccount: true });
    const { memory } = world;
    await memory.put(putsOf(animalDocuments(4, "zebra")), never);
    const [first] = await memory.list({ limit: 1 }, never);
    await world.another().remove([{ account: accountKey("3") }], never);
    assert.equal(await memory.read(accountKey("3"), never), undefined);
    const rest = await memory.list({ after: first?.cursor ?? "", limit: 10 }, never);
    assert.deepEqual(
      rest.map(({ account }) => account),
      [accountKey("2"), accountKey("4")],
    );
    assert.ok(!(await datasets(world)).has("crm-zoho-3"));
  });

  test("a search goes through more of them than one call takes, and without those that are damaged", async (t) => {
    const world = await cogneeWorld(t, { isPerAccount: true });
    await world.memory.put(putsOf(animalDocuments(28, "zebra")), never);
    await world.memory.put([putOf(animalDocument(29, "okapi"))], never);
    assert.equal((await accountsWith(world.memory, "zebra")).length, 28);
    assert.deepEqual((await world.memory.search("okapi", { limit: 1 }, never))[0]?.account, accountKey("29"));
    world.standIn.breakDataset((await datasets(world)).get("crm-zoho-5") ?? "");
    const found = await accountsWith(world.memory, "zebra");
    assert.equal(found.length, 27);
    assert.ok(!found.includes(accountKey("5")));
  });

  test("that is damaged fails its account alone, and neither its write nor its end", async (t) => {
    const world = await cogneeWorld(t, { isPerAccount: true });
    const { memory, standIn } = world;
    await memory.put(putsOf(animalDocuments(3, "zebra")), never);
    const id = (await datasets(world)).get("crm-zoho-2") ?? "";
    standIn.breakDataset(id);
    const results = await memory.put(putsOf(animalDocuments(3, "okapi"), { isUncertain: true }), never);
    const outcomes = results.map((result) => (result.outcome === "failed" ? result.fault.code : result.outcome));
    assert.deepEqual(outcomes, ["stored", "SINK_ACCOUNT_DAMAGED", "stored"]);
    const [removed] = await memory.remove([{ account: accountKey("2") }], never);
    assert.equal(removed?.outcome === "failed" && removed.fault.code, "SINK_ACCOUNT_DAMAGED");
    await memory.probe(never);
    standIn.mendDataset(id);
    assert.deepEqual((await memory.remove([{ account: accountKey("2") }], never))[0]?.outcome, "removed");
  });

  test("shares the hour's budget with all others", async (t) => {
    const world = await cogneeWorld(t, { isPerAccount: true, budgetPerHour: 2 });
    const results = await world.memory.put(putsOf(animalDocuments(3, "zebra")), never);
    const faults = results.flatMap((result) => (result.outcome === "failed" ? [result.fault.code] : []));
    assert.deepEqual(faults, ["SINK_OVER_BUDGET"]);
  });

  test("a server that is away is everybody's trouble", async (t) => {
    const world = await cogneeWorld(t, { isPerAccount: true });
    await world.memory.put(putsOf(animalDocuments(2, "zebra")), never);
    await world.standIn.close();
    await assert.rejects(world.memory.put(putsOf(animalDocuments(2, "okapi")), never), { code: "SINK_UNREACHABLE" });
    await assert.rejects(world.memory.remove([{ account: accountKey("1") }], never), { code: "SINK_UNREACHABLE" });
    await assert.rejects(world.memory.search("zebra", { limit: 1 }, never), { code: "SINK_UNREACHABLE" });
  });
});
