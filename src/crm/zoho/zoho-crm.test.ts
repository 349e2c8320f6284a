import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type StandInReply, startZohoStandIn, type ZohoStandIn } from "../../../test/fakes/zoho-stand-in.ts";
import { type AccountSnapshot, accountKey, recordKey } from "../../account.ts";
import { AssertionBug } from "../../assert.ts";
import { systemClock } from "../../clock.ts";
import { Fault, type FaultCode } from "../../faults.ts";
import { silentLog } from "../../log.ts";
import { seededRandom } from "../../random.ts";
import type { SealedStore } from "../../sealed-store.ts";
import { createZohoCrm, type ZohoCrm, type ZohoCrmOptions } from "./zoho-crm.ts";

const signal = new AbortController().signal;
const ACME = "4876876000000123457";
const CONTACT = "4876876000000456789";

describe("the Zoho client", () => {
  let zoho: ZohoStandIn;
  let crm: ZohoCrm;
  const counted = new Map<string, number>();
  const open = (more: Partial<ZohoCrmOptions> = {}) =>
    createZohoCrm({
      apiUrl: zoho.url,
      accountsUrl: zoho.url,
      clientId: "the-client-id",
      clientSecret: "the-client-secret",
      refreshToken: "the-refresh-token",
      clock: systemClock,
      random: seededRandom(1),
      log: silentLog,
      gatherMs: 0,
      counters: (name, n) => void counted.set(name, (counted.get(name) ?? 0) + n),
      ...more,
    });
  const read = async (id = ACME, of: ZohoCrm = crm) =>
    (await of.readAccounts([accountKey(id)], signal)).get(accountKey(id));
  const snapshot = async (id = ACME, of: ZohoCrm = crm): Promise<AccountSnapshot> => {
    const outcome = await read(id, of);
    assert.ok(outcome?.outcome === "found", JSON.stringify(outcome));
    return outcome.snapshot;
  };
  const queries = () => zoho.requests.filter((request) => request.path === "/coql").map((request) => request.query);

  before(async () => {
    zoho = await startZohoStandIn();
  });
  after(() => zoho.close());
  beforeEach(() => {
    zoho.intercept = () => undefined;
    zoho.requests.length = 0;
    zoho.records.clear();
    counted.clear();
    zoho.put("Accounts", ACME, { Account_Name: "Acme", Account_Status: "Active" });
    zoho.put("Contacts", CONTACT, { Last_Name: "Ada", Account_Name: { id: ACME, name: "Acme" } });
    crm = open();
  });

  test("reads thirty accounts with children in seven calls, however many callers ask", async () => {
    const ids = Array.from({ length: 30 }, (_, n) => String(1_000_000_000_000_000_000n + BigInt(n)));
    for (const id of ids) {
      zoho.put("Accounts", id, { Account_Name: id });
      const account = { Account_Name: { id, name: id } };
      for (let n = 0; n < 8; n += 1) {
        zoho.put("Contacts", `2${n}${id.slice(2)}`, { Last_Name: "C", ...account });
        zoho.put("Deals", `3${n}${id.slice(2)}`, { Deal_Name: "D", ...account });
        zoho.put("Notes", `4${n}${id.slice(2)}`, {
          Note_Content: "N",
          Parent_Id: { id: `3${n}${id.slice(2)}`, name: "D" },
        });
      }
    }
    await read(ids[0]); // Signs in and reads which fields exist.
    zoho.requests.length = 0;
    const parts = [ids.slice(0, 10), ids.slice(10, 20), ids.slice(20)];
    const reads = await Promise.all(
      parts.map((part) =>
        crm.readAccounts(
          part.map((id) => accountKey(id)),
          signal,
        ),
      ), // three workers
    );
    assert.equal(zoho.requests.length, 7);
    const children = reads
      .flatMap((part) => [...part.values()])
      .map((outcome) => {
        return outcome.outcome === "found" ? outcome.snapshot.children.length : outcome.outcome;
      });
    assert.deepEqual(
      children,
      ids.map(() => 24),
    );
  });

  test("selects only columns that the organisation has, and custom ones where it has them", async () => {
    assert.equal((await snapshot()).record.fields["Account_Status"], "Active");
    const query = queries().find((text) => text.includes("from Accounts"));
    assert.match(query ?? "", /Account_Status/);
    assert.doesNotMatch(query ?? "", /Health_Score/);
  });

  test("reads the standard fields when the token may not read the metadata", async () => {
    zoho.intercept = ({ path }) => (path === "/settings/fields" ? refusal(401, "OAUTH_SCOPE_MISMATCH") : undefined);
    const { record } = await snapshot();
    assert.equal(record.fields["Account_Name"], "Acme");
    assert.equal(record.fields["Account_Status"], undefined);
  });

  test("reads extra fields and custom modules that the configuration names", async () => {
    zoho.put("Accounts", ACME, { Account_Name: "Acme", Region__c: "North" });
    zoho.put("Sites", "77", { Name: "Plant", Site_Account: { id: ACME } });
    const extra = open({
      extraFields: { Accounts: ["Region__c", "Never_There"] },
      customModules: [{ module: "Sites", accountField: "Site_Account" }],
    });
    const { record, children } = await snapshot(ACME, extra);
    assert.equal(record.fields["Region__c"], "North");
    assert.ok(children.some((child) => child.module === "Sites" && child.id === "77"));
    const parents = await extra.readParents([{ module: "Sites", recordId: "77" }], signal);
    assert.deepEqual(parents.get("Sites/77"), { outcome: "found", accounts: [accountKey(ACME)] });
  });

  test("gives lookups the names that a query's reply leaves out, and asks for users once", async () => {
    zoho.users.push({ id: "900", full_name: "Olga Owner" });
    zoho.put("Accounts", "70", { Account_Name: "Parent" });
    zoho.put("Accounts", ACME, { Account_Name: "Acme", Owner: { id: "900" }, Parent_Account: { id: "70" } });
    zoho.put("Contacts", CONTACT, { Last_Name: "Ada", Account_Name: { id: ACME }, Owner: { id: "900" } });
    zoho.put("Deals", "71", { Deal_Name: "D", Account_Name: { id: ACME }, Contact_Name: { id: CONTACT } });
    const { record, children } = await snapshot();
    assert.deepEqual(record.fields["Owner"], { id: "900", name: "Olga Owner" });
    assert.deepEqual(record.fields["Parent_Account"], { id: "70", name: "Parent" });
    const deal = children.find((child) => child.module === "Deals");
    assert.deepEqual(deal?.fields["Contact_Name"], { id: CONTACT, name: "Ada" });
    assert.deepEqual(deal?.fields["Account_Name"], { id: ACME, name: "Acme" });
    await snapshot();
    assert.equal(zoho.count("/users"), 1);
  });

  test("never concludes from an empty query that an account is gone", async () => {
    zoho.intercept = ({ query }) => (query.includes("from Accounts") ? { status: 204 } : undefined);
    assert.equal((await snapshot()).record.fields["Account_Name"], "Acme");
    zoho.intercept = ({ query, path }) => {
      if (query.includes("from Accounts")) return { status: 204 };
      return path === `/Accounts/${ACME}` ? refusal(400, "INVALID_DATA") : undefined;
    };
    assert.deepEqual(await read(), { outcome: "absent" });
  });

  test("reads an account id that a reply writes as a bare number", async () => {
    const body = `{"data":[{"id":${ACME},"Account_Name":"Bare"}],"info":{"more_records":false}}`;
    zoho.intercept = ({ query }) => (query.includes("from Accounts") ? { status: 200, body } : undefined);
    assert.deepEqual((await snapshot()).record, { id: ACME, fields: { Account_Name: "Bare" } });
  });

  test("renews a token that Zoho refuses, once, and repeats the call", async () => {
    for (const code of ["INVALID_TOKEN", "AUTHENTICATION_FAILURE"]) {
      await crm.probe(signal);
      const stale = zoho.requests.at(-1)?.headers.authorization;
      zoho.intercept = ({ headers }) => (headers.authorization === stale ? refusal(401, code) : undefined);
      await crm.probe(signal);
      assert.notEqual(zoho.requests.at(-1)?.headers.authorization, stale);
      zoho.intercept = () => undefined;
    }
    zoho.requests.length = 0;
    zoho.intercept = ({ path }) => (path === "/coql" ? refusal(401, "INVALID_TOKEN") : undefined);
    await assert.rejects(crm.probe(signal), failsWith("CRM_TOKEN_REVOKED"));
    assert.deepEqual([zoho.count("/coql"), zoho.count("/oauth")], [2, 1]);
  });

  test("translates what Zoho refuses into the fault that says what to do", async () => {
    const table: readonly [StandInReply, FaultCode][] = [
      [refusal(401, "OAUTH_SCOPE_MISMATCH"), "CRM_SCOPE_MISSING"],
      [refusal(403, "OAUTH_SCOPE_MISMATCH"), "CRM_SCOPE_MISSING"],
      [refusal(403, "NO_PERMISSION"), "CRM_FORBIDDEN"],
      [refusal(400, "AUTHORIZATION_FAILED"), "CRM_FORBIDDEN"],
      [refusal(429, "TOO_MANY_REQUESTS"), "CRM_RATE_LIMITED"],
      [{ status: 429, body: "slow down" }, "CRM_RATE_LIMITED"],
      [{ status: 500, body: "<html>oops</html>" }, "CRM_UNAVAILABLE"],
      [{ status: 302, headers: { location: "https://elsewhere.example" } }, "CRM_UNAVAILABLE"],
      [{ status: 404, body: { code: "INVALID_URL_PATTERN", status: "error" } }, "CRM_REQUEST_REFUSED"],
      [{ status: 200, body: "<html>login</html>" }, "CRM_REPLY_INVALID"],
    ];
    for (const [reply, code] of table) {
      zoho.intercept = ({ path }) => (path.startsWith("/oauth") ? undefined : reply);
      await assert.rejects(crm.probe(signal), failsWith(code), code);
    }
    zoho.intercept = () => ({ ...refusal(429, "X"), headers: { "retry-after": "7" } });
    const error = await open()
      .probe(signal)
      .catch((reason: unknown) => reason);
    assert.equal(error instanceof Fault && error.retryAfterMs, 7_000);
  });

  test("says that the CRM is unreachable when nobody listens", async () => {
    const lonely = open({ apiUrl: "http://127.0.0.1:9", accountsUrl: "http://127.0.0.1:9" });
    await assert.rejects(lonely.probe(signal), failsWith("CRM_UNREACHABLE"));
  });

  test("repeats a read that met one server error or one lost connection", async () => {
    let failures = 1;
    zoho.intercept = ({ path }) => (path === "/coql" && failures-- > 0 ? { status: 500 } : undefined);
    assert.equal((await read())?.outcome, "found");
  });

  test("does not repeat what changes something", async () => {
    zoho.intercept = ({ path }) => (path === "/actions/watch" ? { status: 500 } : undefined);
    await assert.rejects(crm.openChannel(declaration(), signal), failsWith("CRM_UNAVAILABLE"));
    assert.equal(zoho.count("/actions/watch"), 1);
  });

  test("reads on through a query's pages, and begins anew when rows were deleted meanwhile", async () => {
    const all = Array.from({ length: 5 }, (_, n) => ({ id: String(100 + n), Account_Name: { id: ACME } }));
    let deleted = 0;
    zoho.intercept = ({ query }) => {
      const offset = /from Contacts.*offset (\d+)/.exec(query)?.[1];
      if (offset === undefined) return undefined;
      const rows = all.slice(deleted);
      const data = rows.slice(Number(offset), Number(offset) + 3);
      deleted = 1; // The first row goes after the first page, and all others move up.
      return { status: 200, body: { data, info: { more_records: Number(offset) + data.length < rows.length } } };
    };
    const contacts = (await snapshot()).children.map((child) => child.id);
    assert.deepEqual(contacts, ["101", "102", "103", "104"]);
  });

  test("reads full text in one call for all records of a module that may have been cut", async () => {
    const long = "x".repeat(700);
    zoho.put("Contacts", CONTACT, { Last_Name: "Ada", Description: long, Account_Name: { id: ACME } });
    zoho.put("Contacts", "88", { Last_Name: "Bob", Description: long, Account_Name: { id: ACME } });
    zoho.put("Contacts", "89", { Last_Name: "Eve", Description: "short", Account_Name: { id: ACME } });
    const texts = (await snapshot()).children.map((child) => String(child.fields["Description"]).length);
    assert.deepEqual(texts.toSorted(), [5, 700, 700]);
    const asked = zoho.requests.filter((request) => request.path.endsWith("fetch_full_data"));
    assert.deepEqual(
      asked.map((request) => request.search.get("ids")?.split(",").toSorted()),
      [[CONTACT, "88"].toSorted()],
    );
  });

  test("finds the one record whose full text is refused, and asks no module again that has none", async () => {
    zoho.put("Deals", "90", { Deal_Name: "D", Description: "x".repeat(700), Account_Name: { id: ACME } });
    zoho.put("Deals", "91", { Deal_Name: "D", Description: "x".repeat(700), Account_Name: { id: ACME } });
    const lengths = async () =>
      (await snapshot()).children
        .filter((child) => child.module === "Deals")
        .map((child) => String(child.fields["Description"]).length);
    zoho.intercept = ({ search }) => (search.get("ids")?.includes("91") ? refusal(400, "INVALID_DATA") : undefined);
    assert.deepEqual(await lengths(), [700, 500]);
    zoho.intercept = ({ path }) => (path.endsWith("fetch_full_data") ? refusal(403, "NOT_SUPPORTED") : undefined);
    assert.deepEqual(await lengths(), [500, 500]);
    const asked = zoho.requests.length;
    await lengths();
    assert.ok(!zoho.requests.slice(asked).some((request) => request.path.endsWith("fetch_full_data")));
  });

  test("reads who wrote a note, by name, whichever way the notes are read", async () => {
    zoho.users.push({ id: "901", full_name: "Nora Note" });
    zoho.put("Notes", "55", { Note_Content: "hello", Parent_Id: { id: CONTACT }, Created_By: { id: "901" } });
    const author = async () =>
      (await snapshot()).children.find((child) => child.module === "Notes")?.fields["Created_By"];
    assert.deepEqual(await author(), { id: "901", name: "Nora Note" });
    zoho.intercept = ({ query }) => (query.includes("from Notes") ? refusal(400, "INVALID_QUERY") : undefined);
    assert.deepEqual(await author(), { id: "901", name: "Nora Note" });
  });

  test("keeps its access token in the store that it is given: the next client signs in without asking", async () => {
    const texts = new Map<string, string>();
    const tokens: SealedStore = {
      read: async (name) => texts.get(name),
      write: async (name, text) => void texts.set(name, text),
    };
    for (let life = 0; life < 3; life += 1) await snapshot(ACME, open({ tokens }));
    assert.equal(zoho.count("/oauth"), 1);
  });

  test("reads notes one way after another as they are refused, and remembers the refusal", async () => {
    zoho.put("Notes", "55", { Note_Content: "hello", Parent_Id: { id: CONTACT, module: { api_name: "Contacts" } } });
    const note = async () => (await snapshot()).children.find((child) => child.module === "Notes");
    const expected = { module: "Contacts", recordId: CONTACT };
    zoho.intercept = ({ query }) => (/from Notes .* in \(/.test(query) ? refusal(400, "INVALID_QUERY") : undefined);
    assert.deepEqual((await note())?.parent, expected);
    zoho.intercept = ({ query }) => (query.includes("from Notes") ? refusal(400, "INVALID_QUERY") : undefined);
    assert.deepEqual((await note())?.parent, expected);
    assert.deepEqual((await note())?.fields["Note_Content"], "hello");
    assert.equal(queries().filter((query) => / from Notes .* in \(/.test(query)).length, 1);
    const found = await crm.readParents([{ module: "Notes", recordId: "55" }], signal);
    assert.deepEqual(found.get("Notes/55"), { outcome: "found", accounts: [accountKey(ACME)] });
  });

  test("does not take a hidden list of notes for a record without notes", async () => {
    const hidden = { code: "INVALID_DATA", message: "The relation name given seems to be invalid", status: "error" };
    zoho.intercept = ({ query, path }) => {
      if (query.includes("from Notes")) return refusal(400, "INVALID_QUERY");
      return path.endsWith("/Notes") ? { status: 400, body: hidden } : undefined;
    };
    assert.notEqual((await read())?.outcome, "found");
  });

  test("resolves the parents of a hundred records of a module in one call", async () => {
    const records = Array.from({ length: 100 }, (_, n) => ({ module: "Contacts", recordId: String(5000 + n) }));
    for (const { recordId } of records) zoho.put("Contacts", recordId, { Account_Name: { id: ACME } });
    await crm.probe(signal);
    zoho.requests.length = 0;
    const found = await crm.readParents([...records, { module: "Contacts", recordId: "1" }], signal);
    assert.equal(zoho.requests.length, 1);
    assert.deepEqual(found.get(recordKey({ module: "Contacts", recordId: "1" })), { outcome: "absent" });
    assert.deepEqual(found.get("Contacts/5099"), { outcome: "found", accounts: [accountKey(ACME)] });
  });

  test("follows a contact when the deal of its activity is under no account", async () => {
    zoho.put("Deals", "60", { Deal_Name: "Free" });
    const both = { What_Id: { id: "60" }, $se_module: "Deals", Who_Id: { id: CONTACT } };
    zoho.put("Tasks", "61", { Subject: "T", ...both });
    assert.ok((await snapshot()).children.some((child) => child.id === "61"));
    const found = await crm.readParents([{ module: "Tasks", recordId: "61" }], signal);
    assert.deepEqual(found.get("Tasks/61"), { outcome: "found", accounts: [accountKey(ACME)] });
  });

  test("fails records of an unconfigured module alone, and refuses an id that is none", async () => {
    const contact = { module: "Contacts", recordId: CONTACT };
    const found = await crm.readParents([{ module: "Potions", recordId: "1" }, contact], signal);
    assert.equal(found.get("Potions/1")?.outcome, "failed");
    assert.equal(found.get(recordKey(contact))?.outcome, "found");
    await assert.rejects(crm.readParents([{ module: "Contacts", recordId: "1') or ('1" }], signal), AssertionBug);
    await assert.rejects(crm.readAccounts([accountKey("../users")], signal), AssertionBug);
  });

  test("sends a channel's settings as Zoho takes them and reads what it granted", async () => {
    const granted = await crm.openChannel(declaration(), signal);
    assert.equal(granted.expiresAt, Date.parse("2026-03-07T10:00:00Z"));
    const bodies = zoho.requests
      .filter((request) => request.path === "/actions/watch")
      .map((request) => JSON.parse(request.body));
    assert.deepEqual(bodies.at(-1), {
      watch: [
        {
          channel_id: "1105420521999070702",
          events: ["Accounts.edit"],
          notify_url: "https://hooks.example.com/webhooks/zoho",
          token: "echo-me",
          channel_expiry: "2026-03-07T10:00:00+00:00",
          notify_on_related_action: false,
          return_affected_field_values: true,
        },
      ],
    });
  });

  test("finds a refused item in an answer of any status, wrapped or flat", async () => {
    const item = { code: "INVALID_DATA", status: "error", details: { api_name: "events" } };
    const good = { code: "SUCCESS", status: "success", details: { events: [] } };
    const replies = [
      { status: 400, body: { watch: [item] } },
      { status: 400, body: item },
      { status: 202, body: { watch: [item] } },
      { status: 207, body: { watch: [good, item] } },
    ];
    for (const reply of replies) {
      zoho.intercept = ({ path }) => (path === "/actions/watch" ? reply : undefined);
      await assert.rejects(crm.openChannel(declaration(), signal), failsWith("CRM_REQUEST_REFUSED"));
    }
  });

  test("counts calls by what they were for, and credits when Zoho tells them", async () => {
    zoho.intercept = ({ path }) => {
      return path === "/coql" ? { status: 204, headers: { "x-api-credits-remaining": "41" } } : undefined;
    };
    assert.equal(crm.creditsLeft(), undefined);
    await crm.probe(signal);
    assert.deepEqual(Object.fromEntries(counted), { crm_calls: 2, "crm_calls:token": 1, "crm_calls:probe": 1 });
    assert.equal(crm.creditsLeft(), 41);
  });

  test("names no secret in any error", async () => {
    zoho.intercept = ({ path }) => (path.startsWith("/oauth") ? undefined : refusal(400, "the-client-secret access-1"));
    const error = await crm.probe(signal).catch((reason: unknown) => reason);
    const chain = [error, error instanceof Error ? error.cause : undefined].map((part) => `${String(part)}`).join();
    assert.doesNotMatch(chain, /the-client-secret|access-|the-refresh-token/);
  });

  test("ends what is under way when it is closed", async () => {
    const arrived = Promise.withResolvers<void>();
    zoho.intercept = () => {
      arrived.resolve();
      return undefined;
    };
    const reading = assert.rejects(read(), failsWith("CRM_UNREACHABLE"));
    await arrived.promise;
    crm.close();
    crm.close();
    await reading;
  });
});

function declaration() {
  return {
    channelId: "1105420521999070702",
    events: ["Accounts.edit"],
    notifyUrl: "https://hooks.example.com/webhooks/zoho",
    token: "echo-me",
    expiresAt: Date.parse("2026-03-07T10:00:00.789Z"),
  };
}

function refusal(status: number, code: string): StandInReply {
  return { status, body: { code, details: {}, message: "refused", status: "error" } };
}

function failsWith(code: FaultCode) {
  return (error: unknown) => {
    assert.ok(error instanceof Fault, String(error));
    assert.equal(error.code, code);
    return true;
  };
}
