import assert from "node:assert/strict";
import { test } from "node:test";
import { accountKey } from "../../src/account.ts";
import { systemClock } from "../../src/clock.ts";
import { createZohoCrm } from "../../src/crm/zoho/zoho-crm.ts";
import { Fault } from "../../src/faults.ts";
import { silentLog } from "../../src/log.ts";
import { seededRandom } from "../../src/random.ts";
import { type SimulatorOptions, startSimulator } from "../../src/simulator/simulator.ts";
import { type MemoryFields, memoryCrm } from "../fakes/memory-crm.ts";
import { startZohoStandIn } from "../fakes/zoho-stand-in.ts";
import { type CrmHarness, crmContract, type WorldFields } from "./crm-contract.ts";

/** Ids of 19 digits, none of which a JavaScript number can hold. */
function idMaker(): () => string {
  let next = 4_876_876_000_000_123_457n;
  return () => String(next++);
}

async function memoryHarness(): Promise<CrmHarness> {
  const crm = memoryCrm({ clock: systemClock });
  const nextId = idMaker();
  const withNames = (fields: WorldFields) => {
    const named = Object.entries(fields).map(([key, value]) =>
      typeof value === "object" && value !== null ? [key, { name: "", ...value }] : [key, value],
    );
    return Object.fromEntries(named) as MemoryFields; // The contract writes text and lookups only.
  };
  return {
    crm,
    create: async (module, fields) => {
      const id = nextId();
      crm.put(module, id, withNames(fields));
      return id;
    },
    change: async (module, id, fields) => crm.change(module, id, withNames(fields)),
    remove: async (module, id) => crm.delete(module, id),
    breakAccount: (id, isBroken) => {
      if (isBroken) crm.failingAccounts.set(id, new Fault("CRM_READ_FAILED", "reading accounts"));
      else crm.failingAccounts.delete(id);
    },
    setOutage: (isOut) => {
      crm.outage = isOut ? new Fault("CRM_UNAVAILABLE", "reading accounts") : undefined;
    },
    close: async () => undefined,
  };
}

interface Reachable {
  readonly apiUrl: string;
  readonly accountsUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
  readonly gatherMs?: number;
}

/** The Zoho client with a switch between it and the wire. */
function zohoClient(reachable: Reachable) {
  const broken = new Set<string>();
  const wire = { isOut: false };
  const failing: typeof fetch = async (input, init) => {
    const text = `${String(input)} ${typeof init?.body === "string" ? init.body : ""}`;
    const isBroken = [...broken].some((id) => text.includes(id));
    if (!wire.isOut && !isBroken) return fetch(input, init);
    return new Response(JSON.stringify({ code: "INTERNAL_ERROR", status: "error" }), {
      status: wire.isOut ? 503 : 500,
    });
  };
  const options = {
    gatherMs: 0,
    ...reachable,
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
    fetch: failing,
  };
  const crm = createZohoCrm(options);
  const breakAccount = (id: string, isBroken: boolean) => void (isBroken ? broken.add(id) : broken.delete(id));
  const setOutage = (isOut: boolean) => {
    wire.isOut = isOut;
  };
  return { crm, breakAccount, setOutage };
}

async function standInHarness(): Promise<CrmHarness> {
  const zoho = await startZohoStandIn();
  const sign = { clientId: "id", clientSecret: "secret", refreshToken: "refresh" };
  const client = zohoClient({ apiUrl: zoho.url, accountsUrl: zoho.url, ...sign });
  const nextId = idMaker();
  return {
    ...client,
    create: async (module, fields) => {
      const id = nextId();
      zoho.put(module, id, { ...fields });
      return id;
    },
    change: async (module, id, fields) => zoho.put(module, id, { ...zoho.records.get(module)?.get(id), ...fields }),
    remove: async (module, id) => void zoho.records.get(module)?.delete(id),
    close: async () => {
      client.crm.close();
      await zoho.close();
    },
  };
}

/** The simulator, whose world is changed through its REST interface, as any client of Zoho would. */
async function simulatorHarness(behaviour: SimulatorOptions["behaviour"] = {}): Promise<CrmHarness> {
  const simulator = await startSimulator({ clock: systemClock, accounts: 5, behaviour });
  const { credentials } = simulator;
  const sign = {
    clientId: credentials.ZOHO_CLIENT_ID,
    clientSecret: credentials.ZOHO_CLIENT_SECRET,
    refreshToken: credentials.ZOHO_REFRESH_TOKEN,
  };
  const client = zohoClient({
    apiUrl: credentials.ZOHO_API_URL,
    accountsUrl: credentials.ZOHO_ACCOUNTS_URL,
    ...sign,
  });
  const token = await writerToken(credentials.ZOHO_ACCOUNTS_URL, sign);
  const write = async (method: string, path: string, record?: WorldFields): Promise<string> => {
    const response = await fetch(`${credentials.ZOHO_API_URL}/crm/v8/${path}`, {
      method,
      headers: { authorization: `Zoho-oauthtoken ${token}` },
      ...(record === undefined ? {} : { body: JSON.stringify({ data: [record] }) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return String(JSON.parse(text).data[0].details.id);
  };
  return {
    ...client,
    create: (module, fields) => write("POST", module, fields),
    change: async (module, id, fields) => void (await write("PUT", `${module}/${id}`, fields)),
    remove: async (module, id) => void (await write("DELETE", `${module}/${id}`)),
    close: async () => {
      client.crm.close();
      await simulator.close();
    },
  };
}

async function writerToken(accountsUrl: string, sign: Omit<Reachable, "apiUrl" | "accountsUrl">): Promise<string> {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    client_id: sign.clientId,
    client_secret: sign.clientSecret,
    refresh_token: sign.refreshToken,
  });
  const response = await fetch(`${accountsUrl}/oauth/v2/token`, { method: "POST", body: form });
  return String(JSON.parse(await response.text()).access_token);
}

crmContract("in memory", memoryHarness);
crmContract("Zoho client on its stand-in", standInHarness);
crmContract("Zoho client on the simulator", simulatorHarness);
crmContract("Zoho client on the simulator at its meanest", () =>
  simulatorHarness({
    authenticationFailure: true,
    notesForbidden: true,
    coqlNotesRefused: true,
    coqlLookupNames: false,
    coqlRichTextCut: true,
    singleReadRichTextCut: true,
  }),
);

test("reads 1,000 changed contacts of 200 accounts with at most 80 calls", async () => {
  const simulator = await startSimulator({ clock: systemClock, accounts: 200 });
  const { credentials, crm: world } = simulator;
  const { crm } = zohoClient({
    apiUrl: credentials.ZOHO_API_URL,
    accountsUrl: credentials.ZOHO_ACCOUNTS_URL,
    clientId: credentials.ZOHO_CLIENT_ID,
    clientSecret: credentials.ZOHO_CLIENT_SECRET,
    refreshToken: credentials.ZOHO_REFRESH_TOKEN,
    gatherMs: 20,
  });
  const signal = new AbortController().signal;
  const [accounts, contacts] = [[...world.ids("Accounts")], [...world.ids("Contacts")]];
  for (let n = 0; contacts.length < 1_000; n += 1) {
    contacts.push(world.create("Contacts", { Last_Name: `Person ${n}`, Account_Name: accounts[n % 200] ?? null }));
  }
  const callsBefore = simulator.stats.callsTotal;
  for (let start = 0; start < 1_000; start += 100) {
    const records = contacts.slice(start, start + 100).map((recordId) => ({ module: "Contacts", recordId }));
    const parents = await crm.readParents(records, signal);
    assert.ok([...parents.values()].every((parent) => parent.outcome === "found"));
  }
  let found = 0;
  const worker = async () => {
    while (accounts.length > 0) {
      const keys = accounts.splice(0, 10).map((id) => accountKey(id));
      for (const read of (await crm.readAccounts(keys, signal)).values()) found += read.outcome === "found" ? 1 : 0;
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  const calls = simulator.stats.callsTotal - callsBefore;
  await simulator.close();
  assert.equal(found, 200);
  assert.ok(calls <= 80, `${calls} calls`);
});
