import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { keptPort } from "../cognee/kept-port.ts";
import { type SimulateProcess, startSimulate } from "../fakes/simulate-process.ts";
import { dataDir, drained, getJson, run, type Served, serve, until } from "./harness.ts";

const ADMIN = { authorization: "Bearer test-admin-token" };

describe("service, Zoho and Cognee as processes of their own, which meet by the printed settings alone", () => {
  const folder = dataDir();
  let simulate: SimulateProcess;
  let served: Served;
  let env: Record<string, string>;

  before(async () => {
    simulate = await startSimulate(6);
    const port = await keptPort();
    const baseUrl = `http://127.0.0.1:${port}`;
    env = { ...simulate.settings, DATA_DIR: folder.path, PORT: String(port), WEBHOOK_BASE_URL: baseUrl };
    served = await serve(env);
    await until("an open channel", async () => {
      const channels = await simulate.control("GET", "/channels");
      return Array.isArray(channels) && channels.length > 0;
    });
  });

  after(async () => {
    await served?.end("SIGKILL");
    await simulate?.end();
    folder.dispose();
  });

  const change = async (given: Readonly<Record<string, unknown>>) => {
    const { results } = (await simulate.control("POST", "/changes", given)) as { results: { id?: string }[] }; // Its manual says so.
    return results[0]?.id ?? "";
  };
  const accountsFor = async (text: string): Promise<readonly string[]> => {
    const { hits } = await getJson(`${served.url}/api/v1/memory/search?q=${text}`, ADMIN);
    return (hits as { account: string; snippet: string }[]) // Fixed interface.
      .filter(({ snippet }) => snippet.replaceAll("*", "").includes(text))
      .map(({ account }) => account);
  };
  const json = async (...args: readonly string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await run([...args, "--json"], { ...env, WEBHOOK_SECRET: "s".repeat(64) });
    assert.equal(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  };

  test("a changed account and a new contact are searchable a moment later, and a command finds them", async () => {
    const [account, other] = (await simulate.control("GET", "/ids/Accounts")) as string[]; // Its manual says so.
    await change({ do: "update", module: "Accounts", id: account, fields: { Description: "They want a zeppelin." } });
    const contact = { First_Name: "Quetzal", Last_Name: "Wanderer", Account_Name: other };
    await change({ do: "create", module: "Contacts", fields: contact });
    await until("the change in Cognee", async () => (await accountsFor("zeppelin"))[0] === `zoho/${account}`);
    await until("the contact in Cognee", async () => (await accountsFor("Quetzal"))[0] === `zoho/${other}`);
    const found = (await json("memory", "search", "zeppelin")) as { account_id: string }[]; // Fixed interface.
    assert.ok(found.some(({ account_id }) => account_id === account));
  });

  test("a deleted account is forgotten, and a command shows the receipt", async () => {
    const id = await change({ do: "create", module: "Accounts", fields: { Account_Name: "Marmalade Works" } });
    await until("the account", async () => (await accountsFor("Marmalade"))[0] === `zoho/${id}`);
    await change({ do: "delete", module: "Accounts", id });
    await until("nothing left of it", async () => (await accountsFor("Marmalade")).length === 0);
    await drained(served.url);
    const { sink, looked_at, left } = (await json("memory", "receipt", id)) as Record<string, unknown>; // Looked at here.
    assert.deepEqual([sink, left], ["cognee", []]);
    assert.deepEqual(
      looked_at,
      ["listing", "CHUNKS", "SUMMARIES", "CHUNKS_LEXICAL"].map((place) => ({ place, found: 0 })),
    );
  });

  test("health, metrics and doctor speak of Cognee and find nothing wrong", async () => {
    const health = await getJson(`${served.url}/webhooks/health`);
    assert.deepEqual([health["status"], health["sink"], health["dead_letters"]], ["healthy", "cognee", 0]);
    const { sink } = (await getJson(`${served.url}/webhooks/metrics`)) as { sink: Record<string, number> }; // Fixed interface.
    for (const name of ["documents", "bytes", "index_runs", "index_documents"]) assert.ok(Number(sink[name]) > 0, name);
    const checks = (await json("doctor")) as { check: string; result: string }[]; // Fixed interface.
    assert.equal(checks.find(({ check }) => check === "memory")?.result, "ok", JSON.stringify(checks));
  });

  test("SIGTERM ends service and stand-ins with 0", async () => {
    assert.equal(await served.end("SIGTERM"), 0);
    assert.equal(await simulate.end(), 0);
  });
});
