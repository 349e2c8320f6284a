import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { dataDir, drained, getJson, postSigned, run, SECRET, type Served, serve, until } from "./harness.ts";

const ADMIN = { authorization: "Bearer test-admin-token" };

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

describe("the service as a user runs it", () => {
  const folder = dataDir();
  let simulator: Simulator;
  let served: Served;
  let env: Record<string, string>;

  before(async () => {
    const port = await freePort();
    simulator = await startSimulator({
      clock: systemClock,
      accounts: 12,
      signedNotes: { url: `http://127.0.0.1:${port}/webhooks/zoho`, secret: SECRET },
    });
    env = {
      ...simulator.credentials,
      DATA_DIR: folder.path,
      PORT: String(port),
      WEBHOOK_SECRET: SECRET,
      WEBHOOK_BASE_URL: `http://127.0.0.1:${port}`,
      WEBHOOK_RETRY_DELAY_BASE: "0.05",
    };
    served = await serve(env);
    await until("an open channel", async () => {
      const channels = (await getJson(`${served.url}/webhooks/health`))["channels"] as { expires_in_seconds: number }[];
      return channels.some((channel) => channel.expires_in_seconds > 0);
    });
  });

  after(async () => {
    await served?.end("SIGTERM");
    await simulator?.close();
    folder.dispose();
  });

  const searchFor = async (text: string) => {
    const { hits } = await getJson(`${served.url}/api/v1/memory/search?q=${encodeURIComponent(text)}`, ADMIN);
    return hits as { account: string; title: string; snippet: string }[]; // asserted below
  };

  test("a change in the CRM is searchable a moment later, through the channel it opened", async () => {
    const [accountId] = simulator.crm.ids("Accounts");
    assert.ok(accountId);
    simulator.crm.update("Accounts", accountId, { Description: "Prefers quarterly zeppelin deliveries." });
    const [hit] = await until("the change in the memory", async () => {
      const hits = await searchFor("zeppelin");
      return hits.length > 0 && hits;
    });
    assert.equal(hit?.account, `zoho/${accountId}`);
  });

  test("a note, which the CRM cannot push, arrives by the signed function", async () => {
    const [, accountId] = simulator.crm.ids("Accounts");
    assert.ok(accountId);
    simulator.crm.addNote({ module: "Accounts", id: accountId }, "They asked about the xylophone integration.");
    await until("the note in the memory", async () => (await searchFor("xylophone")).length > 0);
  });

  test("a contact that moves refreshes both accounts", async () => {
    const [, , from, to] = simulator.crm.ids("Accounts");
    assert.ok(from && to);
    const contact = simulator.crm.create("Contacts", {
      First_Name: "Quetzal",
      Last_Name: "Wanderer",
      Account_Name: from,
    });
    await until(
      "the contact under its first account",
      async () => (await searchFor("Quetzal"))[0]?.account === `zoho/${from}`,
    );
    simulator.crm.move("Contacts", contact, to);
    await until("the contact under its new account only", async () => {
      const hits = await searchFor("Quetzal");
      return hits.length === 1 && hits[0]?.account === `zoho/${to}`;
    });
  });

  test("a deleted account is forgotten", async () => {
    const id = simulator.crm.create("Accounts", { Account_Name: "Ephemeral Marmalade Works" });
    await until("the account", async () => (await searchFor("Marmalade")).length === 1);
    simulator.crm.delete("Accounts", id);
    await until("nothing left of it", async () => (await searchFor("Marmalade")).length === 0);
  });

  test("an event is followed from its acknowledgement to its fate, and a duplicate is told", async () => {
    const [recordId] = simulator.crm.ids("Accounts");
    const event = { event_id: "e2e-1", event_type: "update", module: "Accounts", record_id: recordId };
    assert.deepEqual((await postSigned(served.url, event)).body, {
      status: "accepted",
      accepted: 1,
      duplicates: 0,
      event_ids: ["e2e-1"],
    });
    assert.deepEqual((await postSigned(served.url, event)).body, {
      status: "duplicate",
      accepted: 0,
      duplicates: 1,
      event_ids: ["e2e-1"],
    });
    await drained(served.url);
    const { code, stdout } = await run(["events", "show", "e2e-1", "--json"], env);
    assert.equal(code, 0);
    assert.match(stdout, /"state": "synced"/);
  });

  test("an outage of the CRM spends no attempt: the circuit opens, nothing dies, work resumes by itself", async () => {
    const [recordId] = simulator.crm.ids("Accounts");
    assert.ok(recordId);
    simulator.mischief.outage = "unavailable";
    simulator.crm.update("Accounts", recordId, { Description: "Survived the sarsaparilla outage." });
    const health = await until("an open circuit", async () => {
      const report = await getJson(`${served.url}/webhooks/health`);
      return report["status"] === "degraded" && report;
    });
    assert.match(JSON.stringify(health["problems"]), /circuit_open:crm/);
    assert.equal(
      (await postSigned(served.url, { event_type: "update", module: "Accounts", record_id: recordId })).status,
      200,
    );
    simulator.mischief.outage = "none";
    await until("the change in the memory", async () => (await searchFor("sarsaparilla")).length > 0);
    await drained(served.url);
    assert.equal((await getJson(`${served.url}/webhooks/health`))["dead_letters"], 0);
  });

  test("commands work beside the running service", async () => {
    const [recordId] = simulator.crm.ids("Accounts");
    assert.ok(recordId);
    const synced = await run(["sync", recordId, "--json"], env);
    assert.equal(synced.code, 0, synced.stderr);
    const found = await run(["memory", "search", "sarsaparilla", "--json"], env);
    assert.equal(found.code, 0);
    assert.match(found.stdout, new RegExp(recordId));
    const listed = await run(["dead-letters", "list", "--json"], env);
    assert.deepEqual(JSON.parse(listed.stdout), []);
    const examined = await run(["doctor", "--json"], env);
    assert.equal(examined.code, 0, examined.stdout + examined.stderr);
  });

  test("health, metrics and Prometheus have the names that programs rely on", async () => {
    const health = await getJson(`${served.url}/webhooks/health`);
    assert.equal(health["redis_connected"], null);
    assert.equal(health["engine"], "embedded");
    assert.equal(health["queue_capacity"], 10_000);
    assert.match(String(health["queue_utilization"]), /^\d+\.\d%$/);
    const metrics = await getJson(`${served.url}/webhooks/metrics`);
    for (const name of [
      "total_events",
      "verified_events",
      "rejected_events",
      "duplicated_events",
      "queued_events",
      "failed_events",
    ]) {
      assert.equal(typeof metrics[name], "number", name);
    }
    assert.match(String(metrics["acceptance_rate"]), /^\d+\.\d%$/);
    const text = await (await fetch(`${served.url}/metrics`)).text();
    for (const name of [
      "memhook_queue_size",
      "memhook_lag_seconds",
      "memhook_freshness_seconds_bucket",
      "memhook_circuit_open",
    ]) {
      assert.ok(text.includes(name), name);
    }
    for (const path of ["/livez", "/readyz"]) assert.equal((await fetch(served.url + path)).status, 200);
    assert.equal((await fetch(`${served.url}/api/v1/memory/search?q=x`)).status, 401);
  });

  test("SIGTERM drains and ends with 0; totals survive the restart", async () => {
    const before = await getJson(`${served.url}/webhooks/metrics`);
    assert.equal(await served.end("SIGTERM"), 0);
    served = await serve(env);
    const since = await getJson(`${served.url}/webhooks/metrics`);
    assert.ok(Number(since["queued_events"]) >= Number(before["queued_events"]));
  });

  test("SIGTERM ends in time although a sender has stalled and nobody reads the output", async () => {
    const { hostname, port } = new URL(served.url);
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, "connect");
    socket.on("error", () => undefined); // It is cut off: that is the point.
    socket.write("POST /webhooks/zoho HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
    await postSigned(served.url, { event_type: "update", module: "Accounts", record_id: "1" });
    served.process.stdout?.destroy();
    served.process.stderr?.destroy();
    const ended = await Promise.race([served.end("SIGTERM"), systemClock.sleep(15_000).then(() => "still running")]);
    assert.equal(ended, 0);
    socket.destroy();
    served = await serve(env);
  });

  test("a second service on the same folder is refused", async () => {
    const second = await run(["serve"], { ...env, PORT: "0" });
    assert.equal(second.code, 1);
    assert.match(second.stderr, /STORE_IN_USE/);
  });
});

test("a wrong configuration names every problem at once, never a value, and opens no port", async () => {
  const folder = dataDir();
  const { code, stderr } = await run(["serve"], {
    DATA_DIR: folder.path,
    PORT: "seventy",
    WEBHOOK_MAX_QUEUE_SIZE: "-1",
    ZOHO_API_URL: "ftp://secret-host.example",
  });
  folder.dispose();
  assert.equal(code, 2);
  for (const name of ["PORT", "WEBHOOK_MAX_QUEUE_SIZE", "ZOHO_API_URL", "ZOHO_CLIENT_ID"])
    assert.match(stderr, new RegExp(name));
  assert.doesNotMatch(stderr, /seventy|secret-host/);
});

test("the demo ends by itself, and the memory then equals the CRM", async () => {
  const folder = dataDir();
  const { code, stdout, stderr } = await run(["demo", "--for", "4s", "--port", "0", "--accounts", "20", "--json"], {
    DATA_DIR: folder.path,
  });
  folder.dispose();
  assert.equal(code, 0, stdout + stderr);
  const summary: { memory_equals_crm: boolean; events_in: number; accounts_compared: number } = JSON.parse(stdout);
  assert.equal(summary.memory_equals_crm, true);
  assert.ok(summary.events_in > 0);
  assert.ok(summary.accounts_compared >= 20);
});
