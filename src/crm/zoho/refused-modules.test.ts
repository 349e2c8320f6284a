import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type StandInReply, startZohoStandIn, type ZohoStandIn } from "../../../test/fakes/zoho-stand-in.ts";
import { accountKey } from "../../account.ts";
import { manualClock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import { silentLog } from "../../log.ts";
import { seededRandom } from "../../random.ts";
import { RefusedModules } from "./refused-modules.ts";
import { createZohoCrm, type ZohoCrm } from "./zoho-crm.ts";
import { faultOfReply } from "./zoho-faults.ts";

const signal = new AbortController().signal;
const ACME = "4876876000000123457";
const CONTACT = "4876876000000456789";

describe("the Zoho client in an organisation that lacks modules", () => {
  let zoho: ZohoStandIn;
  const counted = new Map<string, number>();
  const lines: unknown[] = [];
  const open = (customModules: readonly { module: string; accountField: string }[] = []) =>
    createZohoCrm({
      apiUrl: zoho.url,
      accountsUrl: zoho.url,
      clientId: "id",
      clientSecret: "secret",
      refreshToken: "refresh",
      clock: manualClock(),
      random: seededRandom(1),
      log: { ...silentLog, error: (fields) => void lines.push(fields) },
      gatherMs: 0,
      counters: (name, n) => void counted.set(name, (counted.get(name) ?? 0) + n),
      customModules,
    });
  before(async () => {
    zoho = await startZohoStandIn();
  });
  after(() => zoho.close());
  beforeEach(() => {
    zoho.records.clear();
    counted.clear();
    lines.length = 0;
    zoho.put("Accounts", ACME, { Account_Name: "Acme" });
    zoho.put("Contacts", CONTACT, { Last_Name: "Ada", Account_Name: { id: ACME, name: "Acme" } });
    zoho.put("Tasks", "61", { Subject: "T", What_Id: { id: ACME }, $se_module: "Accounts" });
  });
  const childrenOf = async (crm: ZohoCrm) => {
    const read = (await crm.readAccounts([accountKey(ACME)], signal)).get(accountKey(ACME));
    assert.ok(read?.outcome === "found", JSON.stringify(read));
    return read.snapshot.children.map((child) => child.module).toSorted();
  };

  /** How Zoho refuses a module, in a query or before it. */
  const WAYS: readonly [string, (module: string) => ZohoStandIn["intercept"]][] = [
    ["INVALID_MODULE for its fields", (module) => fieldsRefused(module, refusal(400, "INVALID_MODULE"))],
    ["a query that names it", (module) => queriesRefused(module, named("INVALID_QUERY", { module }))],
    ["NOT_SUPPORTED", (module) => queriesRefused(module, refusal(400, "NOT_SUPPORTED"))],
    ["NO_PERMISSION", (module) => queriesRefused(module, refusal(403, "NO_PERMISSION"))],
  ];
  for (const [way, intercept] of WAYS) {
    test(`leaves a custom module out after ${way}, says so once with the variable, and reads the rest`, async () => {
      const crm = open([{ module: "Projetcs", accountField: "Client" }]);
      zoho.intercept = intercept("Projetcs");
      for (let round = 0; round < 2; round += 1) assert.deepEqual(await childrenOf(crm), ["Contacts", "Tasks"]);
      assert.equal(counted.get("crm_module_refused:Projetcs"), 1);
      assert.equal(lines.length, 1);
      assert.match(JSON.stringify(lines[0]), /"module":"Projetcs".*"variable":"CUSTOM_MODULES"/);
      const records = [{ module: "Projetcs", recordId: "5" }];
      const parent = (await crm.readParents(records, signal)).get("Projetcs/5");
      assert.ok(parent?.outcome === "failed" && parent.fault.code === "CRM_REQUEST_REFUSED");
    });

    test(`leaves a standard module out after ${way}, also when its records are looked up first`, async () => {
      for (const module of ["Calls", "Deals", "Contacts"]) {
        const crm = open();
        zoho.intercept = queriesRefusedToo(module, intercept(module));
        const parent = (await crm.readParents([{ module, recordId: "5" }], signal)).get(`${module}/5`);
        assert.ok(parent?.outcome === "failed" && parent.fault.code === "CRM_REQUEST_REFUSED", module);
        assert.deepEqual(
          await childrenOf(crm),
          ["Contacts", "Tasks"].filter((one) => one !== module),
        );
        assert.equal(counted.get(`crm_module_refused:${module}`), 1);
      }
    });
  }

  test("leaves a custom module out whose lookup to accounts is not there", async () => {
    const crm = open([{ module: "Projects", accountField: "Klient" }]);
    zoho.intercept = queriesRefused("Projects", named("INVALID_QUERY", { column_name: "Klient" }));
    assert.deepEqual(await childrenOf(crm), ["Contacts", "Tasks"]);
  });

  test("does not do without accounts", async () => {
    zoho.intercept = ({ query }) => (query.includes("from Accounts") ? refusal(403, "NO_PERMISSION") : undefined);
    await assert.rejects(
      open().readAccounts([accountKey(ACME)], signal),
      (error) => error instanceof Fault && error.code === "CRM_FORBIDDEN",
    );
  });

  test("a failure carries Zoho's status and code, and no text", async () => {
    zoho.intercept = ({ query }) =>
      query.includes("from Accounts") && query.includes(ACME)
        ? { status: 400, body: { code: "INVALID_QUERY", message: "ada@example.com", details: {}, status: "error" } }
        : undefined;
    const read = (await open().readAccounts([accountKey(ACME)], signal)).get(accountKey(ACME));
    assert.ok(read?.outcome === "failed");
    assert.match(read.fault.message, /^reading accounts: .* \(HTTP 400 INVALID_QUERY\)$/);
  });
});

function fieldsRefused(module: string, reply: StandInReply): ZohoStandIn["intercept"] {
  return ({ path, search }) => (path === "/settings/fields" && search.get("module") === module ? reply : undefined);
}

function queriesRefused(module: string, reply: StandInReply): ZohoStandIn["intercept"] {
  return ({ query }) => (query.includes(`from ${module} `) ? reply : undefined);
}

/** A module whose fields are refused is refused in a query as well. */
function queriesRefusedToo(module: string, intercept: ZohoStandIn["intercept"]): ZohoStandIn["intercept"] {
  const queries = queriesRefused(module, named("INVALID_QUERY", { module }));
  return (request) => intercept(request) ?? queries(request);
}

function named(code: string, details: object): StandInReply {
  return { status: 400, body: { code, details, message: "refused", status: "error" } };
}

test("asks for a refused module again after an hour", async () => {
  const clock = manualClock();
  const refused = new RefusedModules({ clock, log: silentLog, count: () => undefined, customModules: [] });
  let asked = 0;
  const read = async () => {
    asked += 1;
    const body = { code: "INVALID_MODULE", status: "error", details: {} };
    throw faultOfReply({ status: 400, body, retryAfterMs: undefined }, "reading Calls");
  };
  for (let n = 0; n < 3; n += 1) assert.equal(await refused.orWithout("Calls", "without", read), "without");
  assert.equal(asked, 1);
  await clock.advance(3_600_001);
  await refused.orWithout("Calls", "without", read);
  assert.equal(asked, 2);
  await assert.rejects(refused.orWithout("Accounts", "without", read), /HTTP 400 INVALID_MODULE/);
});

function refusal(status: number, code: string): StandInReply {
  return { status, body: { code, details: {}, message: "refused", status: "error" } };
}
