import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type CliWorld, cliWorld } from "../../test/fakes/cli-host.ts";
import { accountKey, type RecordRef } from "../account.ts";
import { encodeEvent } from "../crm/event.ts";
import type { Lane, NewEvent } from "../queue/queue.ts";
import { LIST_LIMIT_DEFAULT } from "./dead-letters.ts";

const ACCOUNT = "4876876000000123001";
const CONTACT = "4876876000000456002";

let world: CliWorld;
beforeEach(async () => {
  world = await cliWorld();
  await world.engine.acquireWorkerLock();
});
afterEach(() => world.dispose());

interface Address {
  readonly lane: Lane;
  readonly key: string;
  readonly module: string;
  readonly recordId: string;
}

function eventAt(eventId: string, { lane, key, module, recordId }: Address): NewEvent {
  const note = encodeEvent({ module, recordId, operation: "update", fields: ["Owner"] });
  const reason = { eventId, note, receivedAt: world.clock.now() };
  return { lane, key, rank: "live", delayMs: 0, reason, label: `${module}.update` };
}

async function deliver(eventId: string, address: Address): Promise<void> {
  const result = await world.engine.queue.deliver([eventAt(eventId, address)]);
  assert.equal(result.outcome, "taken");
}

const newEvent = (eventId: string, id: string) =>
  eventAt(eventId, { lane: "sync", key: accountKey(id), module: "Accounts", recordId: id });

const deliverAccount = (eventId: string, id = ACCOUNT) =>
  deliver(eventId, { lane: "sync", key: accountKey(id), module: "Accounts", recordId: id });

async function fail(lane: Lane, limit = 10): Promise<void> {
  const leases = await world.engine.queue.claim({ lane, limit, leaseMs: 30_000 });
  const failure = { code: "CRM_REQUEST_REFUSED", message: "reading accounts: the CRM refused the request as wrong" };
  await world.engine.queue.settle(leases.map((lease) => ({ verb: "dead" as const, lease, failure })));
}

/** Writes an account into the ledger with these children, as a sync does. */
async function writtenWith(id: string, children: readonly RecordRef[]): Promise<void> {
  const { queue, ledger } = world.engine;
  const account = accountKey(id);
  const reason = { note: "", receivedAt: world.clock.now() };
  await queue.enqueue([{ lane: "sync", key: account, rank: "live", delayMs: 0, reason }]);
  const [lease] = await queue.claim({ lane: "sync", limit: 1, leaseMs: 30_000 });
  assert.ok(lease);
  const written = {
    right: lease,
    account,
    verb: "put",
    fingerprint: "f",
    title: "Acme",
    readAt: world.clock.now(),
  } as const;
  assert.deepEqual(await ledger.intend([written]), ["written"]);
  assert.equal((await ledger.record([{ ...written, children, isIndexed: true }]))[0]?.outcome, "written");
  await queue.settle([{ verb: "complete", lease }]);
}

interface Listed {
  readonly account_id: string | null;
  readonly lane: string;
  readonly key: string;
  readonly letters: readonly string[];
  readonly reasons: readonly { readonly event_id: string }[];
}

async function listed(): Promise<readonly Listed[]> {
  return (await world.json(["dead-letters", "list"])) as readonly Listed[]; // printed by us
}

describe("dead-letters", () => {
  test("list prints an empty array, or a word for people, when there are none", async () => {
    assert.deepEqual(await world.json(["dead-letters", "list"]), []);
    assert.equal((await world.cli(["dead-letters", "list"])).stdout, "no dead letters\n");
  });

  test("list --json has one entry per account with cause and reasons", async () => {
    await deliverAccount("evt_1");
    await deliverAccount("evt_2");
    await fail("sync");
    const failedAt = new Date(world.clock.now()).toISOString();
    const letters = await world.json(["dead-letters", "list"]);
    assert.ok(Array.isArray(letters) && letters.length === 1);
    const [letter] = letters;
    assert.match(letter.id, /^dl_\d+$/);
    assert.deepEqual(
      [letter.account_id, letter.cause, letter.attempts, letter.failed_at],
      [ACCOUNT, "CRM_REQUEST_REFUSED", 1, failedAt],
    );
    assert.deepEqual(
      letter.reasons,
      ["evt_1", "evt_2"].map((event_id) => ({
        event_id,
        module: "Accounts",
        record_id: ACCOUNT,
        operation: "update",
        fields: ["Owner"],
        received_at: failedAt,
      })),
    );
  });

  test("a record that never reached an account has no account id", async () => {
    await deliver("evt_1", { lane: "route", key: `zoho/Contacts/${CONTACT}`, module: "Contacts", recordId: CONTACT });
    await fail("route");
    const [letter] = (await world.json(["dead-letters", "list"])) as { account_id: string | null; key: string }[]; // printed by us
    assert.deepEqual([letter?.account_id, letter?.key], [null, `zoho/Contacts/${CONTACT}`]);
  });

  test("show takes the id or the account id", async () => {
    await deliverAccount("evt_1");
    await fail("sync");
    const byAccount = (await world.json(["dead-letters", "show", ACCOUNT])) as {
      id: string;
      failures: { code: string }[];
    }; // printed by us
    assert.deepEqual(await world.json(["dead-letters", "show", byAccount.id]), byAccount);
    assert.equal(byAccount.failures[0]?.code, "CRM_REQUEST_REFUSED");
    const { stdout } = await world.cli(["dead-letters", "show", byAccount.id]);
    assert.match(stdout, /evt_1 +Accounts\/4876876000000123001 +update +Owner/);
  });

  test("redrive puts accounts back and keeps their reasons", async () => {
    await deliverAccount("evt_1");
    await fail("sync");
    assert.deepEqual(await world.json(["dead-letters", "redrive", ACCOUNT]), { redriven: 1 });
    assert.deepEqual(await world.json(["dead-letters", "list"]), []);
    const [lease] = await world.engine.queue.claim({ lane: "sync", limit: 1, leaseMs: 1_000 });
    assert.deepEqual(
      lease?.reasons.map((reason) => reason.eventId),
      ["evt_1"],
    );
  });

  test("redrive --all --limit takes no more than the limit", async () => {
    for (const id of ["1", "2", "3"]) await deliverAccount(`evt_${id}`, id);
    await fail("sync");
    assert.deepEqual(await world.json(["dead-letters", "redrive", "--all", "--limit", "2"]), { redriven: 2 });
    assert.deepEqual(await world.json(["dead-letters", "redrive", "--all"]), { redriven: 1 });
  });

  test("redrive --limit without ids means all, up to the limit; without either it is misuse, as a purge always is", async () => {
    for (const id of ["1", "2", "3"]) await deliverAccount(`evt_${id}`, id);
    await fail("sync");
    assert.deepEqual(await world.json(["dead-letters", "redrive", "--limit", "2"]), { redriven: 2 });
    assert.equal((await world.cli(["dead-letters", "redrive"])).code, 2);
    assert.equal((await world.cli(["dead-letters", "purge", "--limit", "2"])).code, 2);
    assert.equal((await world.engine.view.deadLetters({ limit: 10 })).length, 1);
  });

  test("list --json is never cut unasked, and a table says how many it leaves out", async () => {
    const deadLetters = LIST_LIMIT_DEFAULT + 2;
    const events = Array.from({ length: deadLetters }, (_, index) => newEvent(`evt_${index}`, String(index + 1)));
    for (let at = 0; at < deadLetters; at += 900) {
      await world.engine.queue.deliver(events.slice(at, at + 900));
      await fail("sync", 900);
    }
    const all = await world.json(["dead-letters", "list"]);
    assert.ok(Array.isArray(all) && all.length === deadLetters);
    const some = await world.json(["dead-letters", "list", "--limit", "3"]);
    assert.ok(Array.isArray(some) && some.length === 3);
    const { stdout } = await world.cli(["dead-letters", "list"]);
    assert.equal(stdout.split("CRM_REQUEST_REFUSED").length - 1, LIST_LIMIT_DEFAULT);
    assert.match(stdout, /\n2 more: --limit 1002 shows all\n$/);
    assert.doesNotMatch((await world.cli(["dead-letters", "list", "--limit", "2000"])).stdout, /more/);
  });

  test("an account has one entry, however often it failed, and records on their way to it have theirs", async () => {
    for (const round of ["1", "2"]) {
      await deliverAccount(`evt_${round}`);
      await fail("sync");
    }
    await deliver("evt_3", { lane: "route", key: `zoho/Contacts/${CONTACT}`, module: "Contacts", recordId: CONTACT });
    await fail("route");
    const letters = (await world.json(["dead-letters", "list"])) as { account_id: string | null }[]; // printed by us
    assert.deepEqual(letters.map((letter) => letter.account_id).toSorted(), [ACCOUNT, null]);
  });

  test("a record that failed on its way counts to the account it was last seen under, which then has one entry", async () => {
    const OTHER = "4876876000000456009";
    await writtenWith(ACCOUNT, [
      { module: "Contacts", recordId: CONTACT },
      { module: "Deals", recordId: OTHER },
    ]);
    for (const [module, recordId] of [
      ["Contacts", CONTACT],
      ["Deals", OTHER],
    ] as const)
      await deliver(`evt_${module}`, { lane: "route", key: `zoho/${module}/${recordId}`, module, recordId });
    await fail("route");
    const [onTheirWay, ...none] = await listed();
    assert.deepEqual([onTheirWay?.account_id, onTheirWay?.letters.length, none.length], [ACCOUNT, 2, 0]);

    await deliverAccount("evt_sync");
    await fail("sync");
    const [entry, ...others] = await listed();
    assert.equal(others.length, 0);
    assert.deepEqual([entry?.account_id, entry?.lane, entry?.letters.length], [ACCOUNT, "sync", 3]);
    assert.deepEqual(entry?.reasons.map(({ event_id }) => event_id).toSorted(), [
      "evt_Contacts",
      "evt_Deals",
      "evt_sync",
    ]);
    for (const name of [ACCOUNT, ...(entry?.letters ?? [])])
      assert.deepEqual(await world.json(["dead-letters", "show", name]), entry);
    assert.deepEqual(await world.json(["dead-letters", "redrive", ACCOUNT]), { redriven: 3 });
    assert.deepEqual(await listed(), []);
  });

  test("purge of an account takes its records that failed on their way, and nobody else's", async () => {
    await writtenWith(ACCOUNT, [{ module: "Contacts", recordId: CONTACT }]);
    for (const id of [CONTACT, "77"])
      await deliver(`evt_${id}`, { lane: "route", key: `zoho/Contacts/${id}`, module: "Contacts", recordId: id });
    await fail("route");
    assert.deepEqual(await world.json(["dead-letters", "purge", ACCOUNT]), { purged: 1 });
    assert.deepEqual(
      (await listed()).map(({ account_id, key }) => [account_id, key]),
      [[null, "zoho/Contacts/77"]],
    );
  });

  test("one unknown id stops the whole call, with exit 1", async () => {
    await deliverAccount("evt_1");
    await fail("sync");
    const told = await world.cli(["dead-letters", "purge", ACCOUNT, "dl_999"]);
    assert.equal(told.code, 1);
    assert.match(told.stderr, /no dead letter of dl_999/);
    assert.equal((await world.engine.view.deadLetters({ limit: 10 })).length, 1);
  });

  test("purge deletes for good", async () => {
    await deliverAccount("evt_1");
    await fail("sync");
    assert.deepEqual(await world.json(["dead-letters", "purge", ACCOUNT]), { purged: 1 });
    assert.equal((await world.cli(["dead-letters", "show", ACCOUNT])).code, 1);
  });
});

describe("events show", () => {
  test("tells what a queued event named and where it waits", async () => {
    await deliverAccount("evt_1");
    assert.deepEqual(await world.json(["events", "show", "evt_1"]), {
      event_id: "evt_1",
      module: "Accounts",
      record_id: ACCOUNT,
      operation: "update",
      fields: ["Owner"],
      received_at: new Date(world.clock.now()).toISOString(),
      state: "queued",
      settled_at: null,
      account_id: ACCOUNT,
      lane: "sync",
      key: `zoho/${ACCOUNT}`,
    });
  });

  test("tells when it was settled", async () => {
    await deliverAccount("evt_1");
    await world.clock.advance(1_000);
    const leases = await world.engine.queue.claim({ lane: "sync", limit: 1, leaseMs: 1_000 });
    await world.engine.queue.settle(leases.map((lease) => ({ verb: "complete" as const, lease })));
    const event = (await world.json(["events", "show", "evt_1"])) as { state: string; settled_at: string }; // printed by us
    assert.deepEqual([event.state, event.settled_at], ["synced", new Date(world.clock.now()).toISOString()]);
  });

  test("prints an array for a delivery of several records", async () => {
    await deliverAccount("whk_1:1", "1");
    await deliverAccount("whk_1:2", "2");
    const events = await world.json(["events", "show", "whk_1"]);
    assert.ok(Array.isArray(events) && events.length === 2);
  });

  test("ends with 1 for an event never acknowledged", async () => {
    const told = await world.cli(["events", "show", "evt_unknown"]);
    assert.deepEqual([told.code, told.stdout], [1, ""]);
    assert.match(told.stderr, /never acknowledged/);
  });
});

describe("explain", () => {
  test("tells of an account never seen", async () => {
    assert.deepEqual(await world.json(["explain", ACCOUNT]), {
      account_id: ACCOUNT,
      memory: null,
      jobs: [],
      dead_letter: null,
    });
    assert.match((await world.cli(["explain", ACCOUNT])).stdout, /never written it\n {2}nothing waits/);
  });

  test("tells what waits and what failed", async () => {
    await deliverAccount("evt_1");
    await fail("sync");
    await deliverAccount("evt_2");
    const { stdout } = await world.cli(["explain", ACCOUNT]);
    assert.match(stdout, /sync job ready/);
    assert.match(stdout, /dead letter dl_\d+ since .*CRM_REQUEST_REFUSED/);
  });
});
