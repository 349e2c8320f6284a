import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AccountKey, accountKey, type RecordRef } from "../../src/account.ts";
import type { AdoptedEntry, LedgerIntent, LedgerOutcome } from "../../src/memory/ledger.ts";
import type { Lease } from "../../src/queue/queue.ts";
import {
  bury,
  claim,
  claimOne,
  complete,
  type EngineHarness,
  fateOf,
  LEASE_MS,
  type StartEngine,
  startFor,
  take,
  workOf,
} from "./engine-harness.ts";

const ONE = accountKey("1");
const TWO = accountKey("2");
const contact = (id: string): RecordRef => ({ module: "Contacts", recordId: id });

/** What every ledger keeps: the way of a write, fencing, children and their moves. */
export function ledgerContract(name: string, start: StartEngine): void {
  describe(`${name}: the way of a write`, () => writes(start));
  describe(`${name}: adopting what the sink has`, () => adopting(start));
  describe(`${name}: fencing`, () => fencing(start));
  describe(`${name}: distrust`, () => distrusting(start));
  describe(`${name}: children`, () => children(start));
  describe(`${name}: reads`, () => reads(start));
}

/** The right to write for an account: its sync job, claimed. */
async function rightTo(engine: EngineHarness, account: AccountKey): Promise<Lease> {
  await engine.ports.queue.enqueue([workOf(engine, account)]);
  const lease = (await claim(engine)).find((candidate) => candidate.key === account);
  assert.ok(lease, `${account} is claimable`);
  return lease;
}

function intentOf(engine: EngineHarness, lease: Lease, more: Partial<LedgerIntent> = {}): LedgerIntent {
  const base = { verb: "put", fingerprint: "f1", title: "Acme", readAt: engine.clock.now() } as const;
  return { right: lease, account: lease.key as AccountKey, ...base, ...more }; // The key of a sync job is an account's.
}

function outcomeOf(engine: EngineHarness, lease: Lease, more: Partial<LedgerOutcome> = {}): LedgerOutcome {
  return { ...intentOf(engine, lease), children: [], isIndexed: false, ...more };
}

async function intend(engine: EngineHarness, intent: LedgerIntent) {
  return (await engine.ports.ledger.intend([intent]))[0];
}

async function record(engine: EngineHarness, outcome: LedgerOutcome) {
  return (await engine.ports.ledger.record([outcome]))[0];
}

async function entry(engine: EngineHarness, account: AccountKey) {
  return (await engine.ports.ledger.read([account])).get(account);
}

/** Writes an account's children under a lease of its own. */
async function sync(engine: EngineHarness, account: AccountKey, records: readonly RecordRef[]) {
  const lease = await rightTo(engine, account);
  const written = await record(engine, outcomeOf(engine, lease, { children: records }));
  assert.equal(await complete(engine, lease), "settled");
  return written;
}

const WRITTEN = { outcome: "written", displaced: [] } as const;

function writes(start: StartEngine): void {
  test("a write is intended, stored, then indexed", async (t) => {
    const engine = await startFor(t, start);
    const { ledger } = engine.ports;
    assert.equal(await entry(engine, ONE), undefined);
    const lease = await rightTo(engine, ONE);
    const readAt = engine.clock.now();
    assert.equal(await intend(engine, intentOf(engine, lease)), "written");
    assert.deepEqual(await entry(engine, ONE), {
      ...{ account: ONE, state: "intended", fingerprint: "f1", title: "Acme", childCount: 0 },
      ...{ readAt, writtenAt: readAt },
    });
    await engine.clock.advance(5);
    const stored = outcomeOf(engine, lease, { readAt, sinkRef: "s1", modifiedAt: 77, children: [contact("9")] });
    assert.deepEqual(await record(engine, stored), WRITTEN);
    const expected = {
      ...{ account: ONE, state: "stored", fingerprint: "f1", sinkRef: "s1", title: "Acme", childCount: 1 },
      ...{ readAt, writtenAt: readAt + 5, modifiedAt: 77 },
    };
    assert.deepEqual(await entry(engine, ONE), expected);
    await ledger.markIndexed([ONE, TWO]);
    assert.deepEqual(await entry(engine, ONE), { ...expected, state: "indexed" });
  });

  test("an intent keeps the sink's id, so that no second document comes to be", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    await record(engine, outcomeOf(engine, lease, { sinkRef: "s1", isIndexed: true }));
    await intend(engine, intentOf(engine, lease, { fingerprint: "f2" }));
    const after = await entry(engine, ONE);
    assert.equal(after?.state, "intended");
    assert.equal(after?.fingerprint, "f2");
    assert.equal(after?.sinkRef, "s1");
    await record(engine, outcomeOf(engine, lease, { fingerprint: "f2" }));
    assert.equal((await entry(engine, ONE))?.sinkRef, "s1");
  });

  test("an outcome may be announced as it is: what an intent does not need is ignored", async (t) => {
    const engine = await startFor(t, start);
    const [one, two] = [await rightTo(engine, ONE), await rightTo(engine, TWO)];
    const outcomes = [one, two].map((lease) => outcomeOf(engine, lease, { children: [contact("9")], sinkRef: "doc" }));
    assert.deepEqual(await engine.ports.ledger.intend(outcomes), ["written", "written"]);
    assert.equal((await entry(engine, ONE))?.state, "intended");
    assert.deepEqual(await engine.ports.ledger.children(ONE, 10), []);
  });

  test("an unchanged document stays indexed, while its read time and children are renewed", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    await record(engine, outcomeOf(engine, lease, { isIndexed: true, sinkRef: "s1" }));
    await engine.clock.advance(10);
    const again = outcomeOf(engine, lease, { children: [contact("9")] });
    assert.deepEqual(await record(engine, again), WRITTEN);
    const after = await entry(engine, ONE);
    assert.equal(after?.state, "indexed");
    assert.equal(after?.readAt, engine.clock.now());
    assert.equal(after?.childCount, 1);
  });

  test("a changed document is not indexed before an index run", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    await record(engine, outcomeOf(engine, lease, { isIndexed: true }));
    await record(engine, outcomeOf(engine, lease, { fingerprint: "f2" }));
    assert.equal((await entry(engine, ONE))?.state, "stored");
  });

  test("only what is stored is marked as searchable, not what is about to be written or gone", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, TWO, []);
    const lease = await rightTo(engine, ONE);
    await intend(engine, intentOf(engine, lease));
    await engine.ports.ledger.markIndexed([ONE, TWO, accountKey("3")]);
    assert.equal((await entry(engine, ONE))?.state, "intended");
    assert.equal((await entry(engine, TWO))?.state, "indexed");
    assert.equal(await entry(engine, accountKey("3")), undefined);
    await record(engine, outcomeOf(engine, lease, { verb: "remove", fingerprint: "" }));
    await engine.ports.ledger.markIndexed([ONE]);
    assert.equal((await entry(engine, ONE))?.state, "removed");
  });

  test("a removed account leaves a tombstone without document and children", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    await record(engine, outcomeOf(engine, lease, { sinkRef: "s1", children: [contact("9")] }));
    const remove = { verb: "remove", fingerprint: "" } as const;
    assert.equal(await intend(engine, intentOf(engine, lease, remove)), "written");
    assert.equal((await entry(engine, ONE))?.state, "removing");
    assert.equal((await entry(engine, ONE))?.sinkRef, "s1");
    assert.deepEqual(await record(engine, outcomeOf(engine, lease, remove)), WRITTEN);
    const after = await entry(engine, ONE);
    assert.equal(after?.state, "removed");
    assert.equal(after?.fingerprint, "");
    assert.equal(after?.sinkRef, undefined);
    assert.equal(after?.childCount, 0);
    assert.equal((await engine.ports.ledger.parents([contact("9")])).size, 0);
  });

  test("when the sink was made anew, nothing counts as written, and tombstones stay", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("5")]);
    const gone = await rightTo(engine, TWO);
    await record(engine, outcomeOf(engine, gone, { verb: "remove" }));
    await complete(engine, gone);
    assert.equal(await engine.ports.ledger.forgetWritten(), 1);
    assert.equal((await entry(engine, ONE))?.fingerprint, "");
    assert.equal((await entry(engine, TWO))?.state, "removed");
    assert.deepEqual([...(await engine.ports.ledger.parents([contact("5")])).values()], [ONE]);
  });

  test("a removed account can come back", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    await record(engine, outcomeOf(engine, lease, { verb: "remove", fingerprint: "" }));
    await record(engine, outcomeOf(engine, lease, { children: [contact("9")] }));
    assert.equal((await entry(engine, ONE))?.state, "stored");
    assert.equal((await engine.ports.ledger.parents([contact("9")])).get("Contacts/9"), ONE);
  });

  test("what was written survives a kill", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("9")]);
    await intend(engine, intentOf(engine, await rightTo(engine, TWO)));
    await engine.crash();
    assert.equal((await entry(engine, ONE))?.state, "stored");
    assert.equal((await entry(engine, TWO))?.state, "intended");
    assert.equal((await engine.ports.ledger.parents([contact("9")])).get("Contacts/9"), ONE);
  });
}

function adoptedOf(account: AccountKey, more: Partial<AdoptedEntry> = {}): AdoptedEntry {
  return { account, fingerprint: "f1", sinkRef: `ref of ${account}`, title: "Acme", isIndexed: true, ...more };
}

function adopting(start: StartEngine): void {
  test("adopts what the sink has, searchable or not yet, with its fingerprint or without", async (t) => {
    const engine = await startFor(t, start);
    const { ledger } = engine.ports;
    const unknown = adoptedOf(TWO, { fingerprint: "", isIndexed: false });
    assert.equal(await ledger.adopt([adoptedOf(ONE), unknown]), 2);
    const common = { title: "Acme", childCount: 0, readAt: 0, writtenAt: engine.clock.now() };
    assert.deepEqual(await entry(engine, ONE), {
      ...{ account: ONE, state: "indexed", fingerprint: "f1", sinkRef: `ref of ${ONE}` },
      ...common,
    });
    assert.deepEqual(await entry(engine, TWO), {
      ...{ account: TWO, state: "stored", fingerprint: "", sinkRef: `ref of ${TWO}` },
      ...common,
    });
    assert.deepEqual(
      (await ledger.list({ limit: 10 })).map(({ account }) => account),
      [ONE, TWO],
    );
    assert.deepEqual(
      (await ledger.inState("stored", 10)).map(({ account }) => account),
      [TWO],
    );
    assert.equal(await ledger.adopt([]), 0);
  });

  test("never changes an entry by adopting: not what was written, is about to be, or is gone, nor what was adopted", async (t) => {
    const engine = await startFor(t, start);
    const { ledger } = engine.ports;
    const [three, four] = [accountKey("3"), accountKey("4")];
    const written = await rightTo(engine, ONE);
    await record(engine, outcomeOf(engine, written, { fingerprint: "new", sinkRef: "s1", children: [contact("9")] }));
    await intend(engine, intentOf(engine, await rightTo(engine, TWO), { fingerprint: "new" }));
    await record(engine, outcomeOf(engine, await rightTo(engine, three), { verb: "remove", fingerprint: "" }));
    const before = await ledger.read([ONE, TWO, three]);
    const again = [ONE, TWO, three, four, four].map((account) => adoptedOf(account, { fingerprint: "old" }));
    assert.equal(await ledger.adopt(again), 1, "only the fourth is new, once");
    assert.deepEqual(await ledger.read([ONE, TWO, three]), before);
    assert.equal((await ledger.parents([contact("9")])).get("Contacts/9"), ONE);
    assert.equal(await ledger.adopt([adoptedOf(four, { fingerprint: "older", sinkRef: "other" })]), 0);
    assert.equal((await entry(engine, four))?.fingerprint, "old");
    assert.equal((await entry(engine, four))?.sinkRef, `ref of ${four}`);
  });

  test("takes an unchanged outcome after adopting: it stays indexed, keeps the sink's id, and learns its children", async (t) => {
    const engine = await startFor(t, start);
    await engine.ports.ledger.adopt([adoptedOf(ONE)]);
    // A clock that was set back since does not make the read look older than what was adopted.
    await engine.clock.advance(-3_600_000);
    assert.deepEqual(await sync(engine, ONE, [contact("9")]), WRITTEN);
    const after = await entry(engine, ONE);
    assert.equal(after?.state, "indexed");
    assert.equal(after?.sinkRef, `ref of ${ONE}`);
    assert.equal(after?.readAt, engine.clock.now());
    assert.equal(after?.childCount, 1);
    assert.equal((await engine.ports.ledger.parents([contact("9")])).get("Contacts/9"), ONE);
  });

  test("takes a write after adopting, and its intent keeps the sink's id", async (t) => {
    const engine = await startFor(t, start);
    await engine.ports.ledger.adopt([adoptedOf(ONE, { fingerprint: "" })]);
    const lease = await rightTo(engine, ONE);
    assert.equal(await intend(engine, intentOf(engine, lease)), "written");
    assert.equal((await entry(engine, ONE))?.sinkRef, `ref of ${ONE}`);
    assert.deepEqual(await record(engine, outcomeOf(engine, lease)), WRITTEN);
    assert.equal((await entry(engine, ONE))?.state, "stored");
    assert.equal((await entry(engine, ONE))?.fingerprint, "f1");
  });

  test("counts what was adopted in the totals, and keeps it through a kill", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, []);
    const more = [accountKey("3"), accountKey("4")].map((account) => adoptedOf(account, { isIndexed: false }));
    assert.equal(await engine.ports.ledger.adopt([adoptedOf(ONE), adoptedOf(TWO), ...more]), 3);
    await engine.crash();
    const none = { intended: 0, removing: 0, removed: 0 };
    assert.deepEqual(await engine.ports.ledger.totals(), { ...none, stored: 3, indexed: 1 });
    await engine.ports.ledger.markIndexed(more.map(({ account }) => account));
    assert.deepEqual(await engine.ports.ledger.totals(), { ...none, stored: 1, indexed: 3 });
  });

  test("forgets what was adopted when the sink was made anew, its id included", async (t) => {
    const engine = await startFor(t, start);
    await engine.ports.ledger.adopt([adoptedOf(ONE), adoptedOf(TWO, { fingerprint: "" })]);
    assert.equal(await engine.ports.ledger.forgetWritten(), 2);
    for (const account of [ONE, TWO]) {
      const after = await entry(engine, account);
      assert.equal(after?.fingerprint, "");
      assert.equal(after?.sinkRef, undefined);
    }
    assert.equal(await engine.ports.ledger.forgetWritten(), 0);
  });

  test("adopts a page of 500 in one step, and lists it in key order", async (t) => {
    const engine = await startFor(t, start);
    const accounts = Array.from({ length: 500 }, (_, index) => accountKey(String(1_000 + index)));
    assert.equal(await engine.ports.ledger.adopt(accounts.toReversed().map((account) => adoptedOf(account))), 500);
    const listed = await engine.ports.ledger.list({ limit: 1_000 });
    assert.deepEqual(
      listed.map(({ account }) => account),
      accounts,
    );
  });

  test("handles very many accounts to the last: marks, searches by state, forgets", async (t) => {
    const engine = await startFor(t, start);
    const { ledger } = engine.ports;
    const accounts = Array.from({ length: 1_100 }, (_, index) => accountKey(String(10_000 + index)));
    for (let from = 0; from < accounts.length; from += 500) {
      const page = accounts.slice(from, from + 500);
      await ledger.adopt(page.map((account) => adoptedOf(account, { isIndexed: false })));
      await engine.clock.advance(1);
    }
    await ledger.markIndexed(accounts);
    assert.equal((await ledger.totals()).indexed, accounts.length);
    assert.equal((await ledger.inState("indexed", 2_000)).length, accounts.length);
    assert.equal(await ledger.forgetWritten(), accounts.length);
    assert.equal(await ledger.forgetWritten(), 0);
  });
}

function fencing(start: StartEngine): void {
  test("an expired lease writes nothing", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    await engine.clock.advance(LEASE_MS);
    assert.equal(await intend(engine, intentOf(engine, lease)), "stale");
    assert.deepEqual(await record(engine, outcomeOf(engine, lease)), { outcome: "stale" });
    assert.equal(await entry(engine, ONE), undefined);
  });

  test("a lease that passed to another writes nothing, its successor's does", async (t) => {
    const engine = await startFor(t, start);
    const old = await rightTo(engine, ONE);
    await engine.crash();
    const current = await rightTo(engine, ONE);
    assert.equal(await intend(engine, intentOf(engine, old)), "stale");
    assert.deepEqual(await record(engine, outcomeOf(engine, old, { children: [contact("9")] })), { outcome: "stale" });
    assert.equal((await engine.ports.ledger.parents([contact("9")])).size, 0);
    assert.equal(await intend(engine, intentOf(engine, current)), "written");
  });

  test("a settled lease writes nothing", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    await complete(engine, lease);
    assert.deepEqual(await record(engine, outcomeOf(engine, lease)), { outcome: "stale" });
  });

  test("the lease of one account does not write for another", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    assert.equal(await intend(engine, intentOf(engine, lease, { account: TWO })), "stale");
    assert.equal(await entry(engine, TWO), undefined);
  });

  test("recording and settling in one turn happen in that order", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    const both = await Promise.all([record(engine, outcomeOf(engine, lease)), complete(engine, lease)]);
    assert.deepEqual(both, [WRITTEN, "settled"]);
  });

  test("one stale write does not hinder its neighbours", async (t) => {
    const engine = await startFor(t, start);
    const gone = await rightTo(engine, ONE);
    await complete(engine, gone);
    const lease = await rightTo(engine, TWO);
    const answers = await engine.ports.ledger.intend([intentOf(engine, gone), intentOf(engine, lease)]);
    assert.deepEqual(answers, ["stale", "written"]);
  });

  test("a snapshot read before the one last written is stale", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    const readAt = engine.clock.now();
    await record(engine, outcomeOf(engine, lease, { fingerprint: "new", readAt: readAt + 10 }));
    assert.deepEqual(await record(engine, outcomeOf(engine, lease, { fingerprint: "old", readAt })), {
      outcome: "stale",
    });
    assert.equal(await intend(engine, intentOf(engine, lease, { fingerprint: "old", readAt })), "stale");
    assert.equal((await entry(engine, ONE))?.fingerprint, "new");
  });

  test("a clock that was set back does not make a later lease's snapshot stale", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, []);
    await engine.clock.advance(-3_600_000);
    const lease = await rightTo(engine, ONE);
    assert.deepEqual(await record(engine, outcomeOf(engine, lease, { fingerprint: "f2" })), WRITTEN);
    assert.equal((await entry(engine, ONE))?.fingerprint, "f2");
  });
}

function distrusting(start: StartEngine): void {
  const known = async (engine: EngineHarness, account: AccountKey) => {
    const { state, fingerprint, sinkRef } = (await entry(engine, account)) ?? {};
    return { state, fingerprint, sinkRef };
  };

  test("whatever is known of an account is taken back, its place in the sink and its children are not", async (t) => {
    const engine = await startFor(t, start);
    const lease = await rightTo(engine, ONE);
    await record(engine, outcomeOf(engine, lease, { sinkRef: "s1", isIndexed: true, children: [contact("9")] }));
    await complete(engine, lease);
    const gone = await rightTo(engine, TWO);
    await record(engine, outcomeOf(engine, gone, { verb: "remove", fingerprint: "" }));
    await complete(engine, gone);
    const three = accountKey("3");
    await engine.ports.ledger.distrust([ONE, TWO, three]);
    await engine.crash();
    assert.deepEqual(await known(engine, ONE), { state: "intended", fingerprint: "", sinkRef: "s1" });
    for (const account of [TWO, three]) {
      assert.deepEqual(await known(engine, account), { state: "intended", fingerprint: "", sinkRef: undefined });
    }
    assert.equal((await engine.ports.ledger.parents([contact("9")])).get("Contacts/9"), ONE);
    assert.deepEqual(await engine.ports.ledger.inState("removed", 10), []);
    assert.equal((await engine.ports.ledger.totals()).intended, 3);
  });

  test("a lease that was given before does not end it, neither by a put nor by a removal; the next one does", async (t) => {
    const engine = await startFor(t, start);
    const early = await rightTo(engine, ONE);
    await intend(engine, intentOf(engine, early));
    for (const outcome of [
      { sinkRef: "s1", isIndexed: true },
      { verb: "remove", fingerprint: "" },
    ] as const) {
      await engine.ports.ledger.distrust([ONE]);
      assert.equal(await intend(engine, intentOf(engine, early)), "written");
      assert.deepEqual(
        await record(engine, outcomeOf(engine, early, { children: [contact("9")], ...outcome })),
        WRITTEN,
      );
      const { state, fingerprint } = await known(engine, ONE);
      assert.deepEqual({ state, fingerprint }, { state: "intended", fingerprint: "" });
    }
    assert.equal(await complete(engine, early), "settled");
    const next = await rightTo(engine, ONE);
    assert.equal(await intend(engine, intentOf(engine, next)), "written");
    assert.deepEqual(await record(engine, outcomeOf(engine, next, { sinkRef: "s2", isIndexed: true })), WRITTEN);
    assert.deepEqual(await known(engine, ONE), { state: "indexed", fingerprint: "f1", sinkRef: "s2" });
  });

  test("a lease that passes on while its account is distrusted leaves the end of it to the next", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, []);
    const lost = await rightTo(engine, ONE);
    await engine.clock.advance(LEASE_MS);
    const taken = await rightTo(engine, ONE);
    await engine.ports.ledger.distrust([ONE]);
    assert.deepEqual(await record(engine, outcomeOf(engine, lost)), { outcome: "stale" });
    assert.deepEqual(await record(engine, outcomeOf(engine, taken)), WRITTEN);
    assert.equal((await entry(engine, ONE))?.state, "intended");
    await complete(engine, taken);
    await sync(engine, ONE, []);
    assert.equal((await entry(engine, ONE))?.state, "stored");
  });
}

function children(start: StartEngine): void {
  test("a record's account is the one that it was last seen under", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("8"), contact("9"), { module: "Deals", recordId: "9" }]);
    const known = await engine.ports.ledger.parents([contact("9"), contact("7"), { module: "Deals", recordId: "9" }]);
    assert.deepEqual(Object.fromEntries(known), { "Contacts/9": ONE, "Deals/9": ONE });
  });

  test("a child that moved tells the account that lost it", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("8"), contact("9")]);
    assert.deepEqual(await sync(engine, TWO, [contact("9")]), { outcome: "written", displaced: [ONE] });
    assert.deepEqual(await sync(engine, ONE, [contact("8")]), WRITTEN);
    const known = await engine.ports.ledger.parents([contact("8"), contact("9")]);
    assert.deepEqual(Object.fromEntries(known), { "Contacts/8": ONE, "Contacts/9": TWO });
  });

  test("a child that moves is told also where the account that loses it is recorded in the same call, with it", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("8"), contact("9")]);
    const [winner, loser] = [await rightTo(engine, TWO), await rightTo(engine, ONE)];
    const written = await engine.ports.ledger.record([
      outcomeOf(engine, winner, { children: [contact("9")] }),
      outcomeOf(engine, loser, { children: [contact("8"), contact("9")] }),
    ]);
    assert.deepEqual(written, [
      { outcome: "written", displaced: [ONE] },
      { outcome: "written", displaced: [TWO] },
    ]);
  });

  test("each displaced account is told once", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("7"), contact("8")]);
    await sync(engine, accountKey("3"), [contact("9")]);
    const written = await sync(engine, TWO, [contact("7"), contact("8"), contact("9")]);
    assert.deepEqual(written?.outcome === "written" && [...written.displaced].sort(), [ONE, accountKey("3")]);
  });

  test("a child that moved away and back belongs to its first account again", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("9")]);
    await sync(engine, TWO, [contact("9")]);
    // The same set as the one that the ledger last saw here: it must not be taken for unchanged.
    assert.deepEqual(await sync(engine, ONE, [contact("9")]), { outcome: "written", displaced: [TWO] });
    assert.equal((await engine.ports.ledger.parents([contact("9")])).get("Contacts/9"), ONE);
  });

  test("an account tells its children, at most as many as asked for", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("5"), contact("6")]);
    const refs = await engine.ports.ledger.children(ONE, 10);
    assert.deepEqual(new Set(refs.map(({ recordId }) => recordId)), new Set(["5", "6"]));
    assert.equal((await engine.ports.ledger.children(ONE, 1)).length, 1);
    assert.deepEqual(await engine.ports.ledger.children(TWO, 10), []);
  });

  test("a child that moved is not named by the account that lost it", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("5"), contact("6")]);
    await sync(engine, TWO, [contact("6")]);
    assert.deepEqual(await engine.ports.ledger.children(ONE, 10), [contact("5")]);
    assert.deepEqual(await engine.ports.ledger.children(TWO, 10), [contact("6")]);
  });

  test("a record that is read under its account closes its dead letter in the route lane", async (t) => {
    const engine = await startFor(t, start);
    await take(engine, "zoho/Contacts/5", "e1", { lane: "route" });
    await bury(engine, await claimOne(engine, "route"));
    await sync(engine, ONE, [contact("6")]);
    assert.equal((await engine.ports.view.deadLetters({ limit: 10 })).length, 1);
    await sync(engine, ONE, [contact("5"), contact("6")]);
    assert.deepEqual(await engine.ports.view.deadLetters({ limit: 10 }), []);
    assert.equal(await fateOf(engine, "e1"), "superseded");
  });

  test("a child that is gone belongs to nobody", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("8"), contact("9")]);
    await sync(engine, ONE, [contact("8")]);
    assert.equal((await engine.ports.ledger.parents([contact("9")])).size, 0);
    assert.deepEqual(await sync(engine, TWO, [contact("9")]), WRITTEN);
  });

  test("the same children in another order, or one named twice, are the same set", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("8"), contact("9")]);
    assert.deepEqual(await sync(engine, ONE, [contact("9"), contact("8"), contact("9")]), WRITTEN);
    assert.equal((await entry(engine, ONE))?.childCount, 2);
  });

  test("removing an account leaves alone the children that moved elsewhere", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, [contact("8"), contact("9")]);
    await sync(engine, TWO, [contact("9")]);
    const lease = await rightTo(engine, ONE);
    await record(engine, outcomeOf(engine, lease, { verb: "remove", fingerprint: "" }));
    const known = await engine.ports.ledger.parents([contact("8"), contact("9")]);
    assert.deepEqual(Object.fromEntries(known), { "Contacts/9": TWO });
  });
}

function reads(start: StartEngine): void {
  test("a pass over all entries goes in key order, a page at a time", async (t) => {
    const engine = await startFor(t, start);
    for (const id of ["3", "1", "2"]) await sync(engine, accountKey(id), []);
    const page = async (after?: AccountKey) =>
      (await engine.ports.ledger.list({ ...(after ? { after } : {}), limit: 2 })).map((found) => found.account);
    assert.deepEqual(await page(), [ONE, TWO]);
    assert.deepEqual(await page(TWO), [accountKey("3")]);
    assert.deepEqual(await page(accountKey("3")), []);
  });

  test("entries in one state come oldest first, at most as many as asked for", async (t) => {
    const engine = await startFor(t, start);
    for (const id of ["3", "1", "2"]) {
      await sync(engine, accountKey(id), []);
      await engine.clock.advance(1);
    }
    await engine.ports.ledger.markIndexed([ONE]);
    const inState = async (state: "stored" | "indexed" | "intended", limit: number) =>
      (await engine.ports.ledger.inState(state, limit)).map((found) => found.account);
    assert.deepEqual(await inState("stored", 10), [accountKey("3"), TWO]);
    assert.deepEqual(await inState("stored", 1), [accountKey("3")]);
    assert.deepEqual(await inState("indexed", 10), [ONE]);
    assert.deepEqual(await inState("intended", 10), []);
  });

  test("totals count the entries by state", async (t) => {
    const engine = await startFor(t, start);
    await sync(engine, ONE, []);
    await sync(engine, TWO, []);
    await engine.ports.ledger.markIndexed([ONE]);
    await engine.ports.ledger.markIndexed([ONE]);
    const third = await rightTo(engine, accountKey("3"));
    await intend(engine, intentOf(engine, third));
    const fourth = await rightTo(engine, accountKey("4"));
    await record(engine, outcomeOf(engine, fourth, { verb: "remove", fingerprint: "" }));
    await engine.crash();
    assert.deepEqual(await engine.ports.ledger.totals(), {
      intended: 1,
      stored: 1,
      indexed: 1,
      removing: 0,
      removed: 1,
    });
  });
}
