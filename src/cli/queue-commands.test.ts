import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type CliWorld, cliWorld } from "../../test/fakes/cli-host.ts";
import { accountKey } from "../account.ts";
import { encodeEvent } from "../crm/event.ts";
import type { Lane } from "../queue/queue.ts";

const ACCOUNT = "4876876000000123001";
const CONTACT = "4876876000000456002";

let world: CliWorld;
beforeEach(async () => {
  world = await cliWorld();
  world.engine.acquireWorkerLock();
});
afterEach(() => world.dispose());

async function deliver(
  eventId: string,
  address: { lane: Lane; key: string; module: string; recordId: string },
): Promise<void> {
  const { lane, key, module, recordId } = address;
  const note = encodeEvent({ module, recordId, operation: "update", fields: ["Owner"] });
  const reason = { eventId, note, receivedAt: world.clock.now() };
  const result = await world.engine.queue.deliver([
    { lane, key, rank: "live", delayMs: 0, reason, label: `${module}.update` },
  ]);
  assert.equal(result.outcome, "taken");
}

const deliverAccount = (eventId: string, id = ACCOUNT) =>
  deliver(eventId, { lane: "sync", key: accountKey(id), module: "Accounts", recordId: id });

async function fail(lane: Lane): Promise<void> {
  const leases = await world.engine.queue.claim({ lane, limit: 10, leaseMs: 30_000 });
  const failure = { code: "CRM_REQUEST_REFUSED", message: "reading accounts: the CRM refused the request as wrong" };
  await world.engine.queue.settle(leases.map((lease) => ({ verb: "dead" as const, lease, failure })));
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
