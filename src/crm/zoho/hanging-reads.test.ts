import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { startZohoStandIn, type ZohoStandIn } from "../../../test/fakes/zoho-stand-in.ts";
import { accountKey, recordKey } from "../../account.ts";
import { systemClock } from "../../clock.ts";
import { silentLog } from "../../log.ts";
import { seededRandom } from "../../random.ts";
import { createZohoCrm, type ZohoCrm } from "./zoho-crm.ts";

const signal = new AbortController().signal;
const ACME = "4876876000000123457";

describe("the Zoho client beside accounts whose reads hang", () => {
  const TIMEOUT_MS = 600;
  const HANGING = ["4876876000000000001", "4876876000000000002", "4876876000000000003"];
  const HEALTHY = Array.from({ length: 4 }, (_, n) => `487687600000000001${n}`);
  let zoho: ZohoStandIn;
  let crm: ZohoCrm;
  before(async () => {
    zoho = await startZohoStandIn();
  });
  after(() => zoho.close());
  beforeEach(() => {
    zoho.requests.length = 0;
    for (const id of [...HANGING, ...HEALTHY]) zoho.put("Accounts", id, { Account_Name: id });
    zoho.intercept = ({ body, path }) => (HANGING.some((id) => `${path} ${body}`.includes(id)) ? "hang" : undefined);
    crm = createZohoCrm({
      apiUrl: zoho.url,
      accountsUrl: zoho.url,
      clientId: "id",
      clientSecret: "secret",
      refreshToken: "refresh",
      clock: systemClock,
      random: seededRandom(1),
      log: silentLog,
      gatherMs: 0,
      requestTimeoutMs: TIMEOUT_MS,
    });
  });
  const timed = async (ids: readonly string[]) => {
    const startedAt = performance.now();
    const reads = await crm.readAccounts(
      ids.map((id) => accountKey(id)),
      signal,
    );
    const outcomes = ids.map((id) => reads.get(accountKey(id))?.outcome);
    return { outcomes, timeouts: (performance.now() - startedAt) / TIMEOUT_MS };
  };

  test("reads the neighbours of one within two time-outs, and from then on within one", async () => {
    const ids = [HANGING[0] ?? "", ...HEALTHY];
    const first = await timed(ids);
    assert.deepEqual(first.outcomes, ["failed", "found", "found", "found", "found"]);
    assert.ok(first.timeouts < 2.2, `${first.timeouts} time-outs`);
    const second = await timed(ids);
    assert.deepEqual(second.outcomes, first.outcomes);
    assert.ok(second.timeouts < 1.4, `${second.timeouts} time-outs`);
    zoho.intercept = () => undefined;
    assert.equal((await timed(ids)).outcomes[0], "found");
  });

  test("three of them hold up a healthy account's read for no time-out once they are known", async () => {
    const first = await timed([...HANGING, ...HEALTHY]);
    assert.deepEqual(first.outcomes.slice(0, 3), ["failed", "failed", "failed"]);
    assert.ok(first.outcomes.slice(3).every((outcome) => outcome === "found"));
    assert.ok(first.timeouts < 2.6, `${first.timeouts} time-outs`);
    const again = HANGING.map((id) => timed([id]));
    const healthy = await timed(HEALTHY.slice(0, 1));
    assert.deepEqual(healthy.outcomes, ["found"]);
    assert.ok(healthy.timeouts < 0.9, `${healthy.timeouts} time-outs`);
    for (const { outcomes, timeouts } of await Promise.all(again)) {
      assert.deepEqual(outcomes, ["failed"]);
      assert.ok(timeouts < 1.5, `${timeouts} time-outs`);
    }
  });

  test("unknown ones do not hold up the batches that come after them for longer than a time-out", async () => {
    await timed(HEALTHY);
    const bad = HANGING.slice(0, 2).map((id) => timed([id, HEALTHY[0] ?? ""]));
    await new Promise((resolve) => setImmediate(resolve));
    const healthy = await timed(HEALTHY.slice(1));
    assert.ok(healthy.timeouts < 1.4, `${healthy.timeouts} time-outs`);
    await Promise.all(bad);
  });

  test("a failed read says that there was no reply, and asks for one more attempt", async () => {
    const key = accountKey(HANGING[0] ?? "");
    const read = (await crm.readAccounts([key], signal)).get(key);
    assert.ok(read?.outcome === "failed");
    assert.equal(read.fault.code, "CRM_READ_FAILED");
    assert.match(read.fault.message, /although the CRM answers \(no reply in time\)$/);
  });

  test("looks up the neighbours of a record that hangs", async () => {
    const records = [...HEALTHY, HANGING[0] ?? ""].map((recordId) => ({ module: "Contacts", recordId }));
    for (const { recordId } of records) zoho.put("Contacts", recordId, { Account_Name: { id: ACME } });
    for (let round = 0; round < 2; round += 1) {
      const found = await crm.readParents(records, signal);
      const outcomes = records.map((record) => found.get(recordKey(record))?.outcome);
      assert.deepEqual(outcomes, ["found", "found", "found", "found", "failed"]);
    }
  });
});
