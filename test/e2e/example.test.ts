import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { cleanEnv, dataDir, drained, getJson, postSigned, SECRET, until } from "./harness.ts";

const ROOT = join(import.meta.dirname, "..", "..");

test("the example compiles against the package and runs: routes, workers, search, reprocess, drain", async () => {
  // The example imports "memhook", which is what `npm run build` made; a fresh clone has not built yet.
  if (!existsSync(join(ROOT, "dist", "app", "library.js")))
    execFileSync(process.execPath, ["scripts/build.ts"], { cwd: ROOT });
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "examples/embed"], { cwd: ROOT });

  const folder = dataDir();
  const simulator = await startSimulator({ clock: systemClock, accounts: 5 });
  const env = { ...simulator.credentials, DATA_DIR: folder.path, PORT: "0", WEBHOOK_SECRET: SECRET, LOG_LEVEL: "warn" };
  const child = spawn(process.execPath, [join(ROOT, "examples", "embed", "server.ts")], {
    env: cleanEnv(env),
    cwd: folder.path,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const lines: Record<string, unknown>[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
    const told = (name: string) => until(`a line with ${name}`, async () => lines.find((line) => name in line));
    const url = String((await told("url"))["url"]);
    assert.deepEqual(await told("attempted"), { attempted: 0, succeeded: 0 });

    const [accountId] = simulator.crm.ids("Accounts");
    assert.ok(accountId);
    simulator.crm.update("Accounts", accountId, { Description: "Collects heliotrope samples." });
    assert.equal(
      (await postSigned(url, { event_type: "update", module: "Accounts", record_id: accountId })).status,
      200,
    );
    await drained(url);
    const hits: unknown = await getJson(`${url}/ask?q=heliotrope`);
    assert.match(JSON.stringify(hits), new RegExp(accountId));

    const ended = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
    assert.ok(lines.some((line) => line["ended"] === true));
  } finally {
    child.kill("SIGKILL");
    await simulator.close();
    folder.dispose();
  }
});
