import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { DRAIN_MS } from "../../src/app/app.ts";
import { ROLES } from "../../src/app/role.ts";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { openConnection } from "../../src/engines/redis/connection.ts";
import { judgeStore } from "../../src/engines/redis/judge-store.ts";
import { surveyStore } from "../../src/engines/redis/survey.ts";
import { silentLog } from "../../src/log.ts";
import { askRedis } from "../redis/ask-redis.ts";
import { ensureRedis } from "../redis/redis-binary.ts";
import { freePort, until } from "../redis/redis-server.ts";
import { redisTier } from "../redis/redis-tier.ts";
import { bytesOf, NOTHING, type Part, ROOT, readYaml, secondsOf } from "./manifests.ts";

/** What is given back after the drain. */
const GIVE_BACK_MS = 5_000;
/** Resident memory measured under load, in bytes. */
const RESIDENT_BYTES = 215_000_000;

const file = readYaml("compose.yaml");
const services = file["services"] ?? assert.fail("no services");
const service = (name: string): Part => services[name] ?? assert.fail(`no service ${name}`);
const OURS = ["receiver", "worker"] as const;
const secretName = /PASSWORD|SECRET|TOKEN|API_KEY/;

test("each of our services runs a role that there is, on Redis, with variables that memhook knows", () => {
  for (const name of OURS) {
    const [role] = service(name)["command"] ?? [];
    assert.ok(
      ROLES.some((known) => known === String(role)),
      `${role}`,
    );
    const folder = mkdtempSync(join(tmpdir(), "memhook-compose-"));
    const loaded = loadConfig({ env: filledIn(service(name)["environment"]), cwd: folder });
    rmSync(folder, { recursive: true });
    assert.equal(loaded.outcome, "valid", name);
    if (loaded.outcome === "valid") assert.equal(loaded.config.engine.kind, "redis");
  }
});

test("what a stopped service needs to drain, it is given", () => {
  for (const name of OURS)
    assert.ok(secondsOf(service(name)["stop_grace_period"]) * 1000 > DRAIN_MS + GIVE_BACK_MS, name);
});

test("no secret stands in the file: each is a reference to .env", () => {
  for (const [name, { environment = {} }] of Object.entries(services)) {
    for (const [variable, value] of Object.entries(environment))
      if (secretName.test(variable)) assert.match(String(value), /^\$\{\w+(:?[-?][^}]*)?\}$/, `${name} ${variable}`);
  }
});

test("each service has a bound on its log and memory, no capability, and no way to more rights", () => {
  for (const [name, part] of Object.entries(services)) {
    assert.deepEqual([...(part["cap_drop"] ?? [])], ["ALL"], name);
    assert.deepEqual([...(part["security_opt"] ?? [])], ["no-new-privileges:true"], name);
    assert.ok(part["logging"]?.["options"]?.["max-size"] !== undefined, name);
    assert.ok(bytesOf(part["mem_limit"]) > RESIDENT_BYTES, name);
    if (name !== "cognee") assert.equal(part["read_only"], true, name);
  }
});

test("images are named by version, so that the same file starts the same programs tomorrow", () => {
  for (const [name, { image }] of Object.entries(services)) {
    assert.match(String(image), /:(\$\{MEMHOOK_VERSION:-)?\d+\.\d+\.\d+(-[a-z]+)?\}?$/, name);
  }
  const { version }: { version: string } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  assert.ok(String(service("receiver")["image"]).includes(`:-${version}}`));
});

test("receiver and workers each keep what they write on a volume that outlives them, and not on the same", () => {
  const folders = OURS.map((name) => String(service(name)["volumes"]?.[0]).split(":"));
  for (const [volume = "", folder] of folders) {
    assert.equal(folder, "/data");
    assert.ok(volume in (file["volumes"] ?? {}), volume);
  }
  assert.notEqual(folders[0]?.[0], folders[1]?.[0]);
});

test("nothing is published beyond this machine, and Valkey has no way out", () => {
  const published = Object.values(services).flatMap(({ ports = [] }) => [...ports].map(String));
  assert.equal(published.length, 1);
  for (const port of published) assert.match(port, /^127\.0\.0\.1:/);
  assert.deepEqual([...(service("valkey")["networks"] ?? [])], ["store"]);
  assert.equal(file["networks"]?.["store"]?.["internal"], true);
});

test("what is waited for has a health check", () => {
  for (const [name, { depends_on: dependencies = NOTHING }] of Object.entries(services)) {
    for (const [other, { condition }] of Object.entries(dependencies)) {
      assert.equal(condition, "service_healthy", name);
      assert.ok(service(other)["healthcheck"] !== undefined, other);
    }
  }
});

test("Cognee starts only when it is asked for, and is used only where .env says so", () => {
  assert.deepEqual([...(service("cognee")["profiles"] ?? [])], ["cognee"]);
  for (const name of OURS) assert.ok(!("COGNEE_URL" in (service(name)["environment"] ?? {})), name);
});

redisTier("the store as the file starts it", () => {
  test("is one at which nothing has to be changed, behind its password, and healthy", async (context) => {
    const { command, healthcheck } = service("valkey");
    const [shell = "", flag = "", script = ""] = [...(command ?? [])].map(String);
    const port = await freePort();
    const password = "letters-and-digits-0123456789";
    const tell = await startAs({ shell, flag, script, port, password }, context);

    await until("the store answers", async () => (await askRedis(port, ["PING"])).startsWith("-NOAUTH"));
    const address = { kind: "single", host: "127.0.0.1", port, db: 0, tls: false, password } as const;
    const connection = openConnection({ address, key: "t:{t}", clock: systemClock, log: silentLog, scripts: [] });
    context.after(() => connection.close());
    const findings = judgeStore(await surveyStore(connection, systemClock));
    assert.deepEqual(
      findings.filter(({ severity }) => severity !== "ok"),
      [],
    );

    const [, check = ""] = [...(healthcheck?.["test"] ?? [])].map(String);
    assert.equal(await tell(check, password), 0);
    assert.notEqual(await tell(check, "another-password"), 0);
  });
});

interface StoreCommand {
  readonly shell: string;
  readonly flag: string;
  readonly script: string;
  readonly port: number;
  readonly password: string;
}

/** Runs the file's own command with this machine's server; the answer runs a shell command beside it and tells its exit code. */
async function startAs({ shell, flag, script, port, password }: StoreCommand, context: TestContext) {
  const redis = await ensureRedis();
  if (!("path" in redis)) throw new Error(redis.missing);
  const folder = mkdtempSync(join(tmpdir(), "memhook-compose-"));
  const here = (text: string) =>
    unescaped(text)
      .replace("valkey-server -", `${redis.path} - --port ${port} --bind 127.0.0.1 --dir ${folder}`)
      .replace("valkey-cli", `${redis.path.replace(/-server$/, "-cli")} -p ${port}`);
  const env = (secret: string) => ({ PATH: process.env["PATH"], REDIS_PASSWORD: secret });
  const server = spawn(shell, [flag, here(script)], { stdio: "ignore", env: env(password) });
  context.after(async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    if (server.exitCode === null && server.kill("SIGKILL")) await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  return (command: string, secret: string) =>
    new Promise<number | null>((resolve, reject) => {
      const child = spawn("sh", ["-c", here(command)], { stdio: "ignore", env: env(secret) });
      child.once("error", reject).once("exit", (code) => resolve(code));
    });
}

/** Compose writes a dollar sign of the container's own twice. */
function unescaped(text: string): string {
  return text.replaceAll("$$", "$");
}

/** An environment as Compose makes it where .env holds a value for each reference. */
function filledIn(environment: Part | undefined): Readonly<Record<string, string>> {
  const entries = Object.entries(environment ?? {}).map(([name, value]) => [name, String(value)] as const);
  return Object.fromEntries(entries.map(([name, value]) => [name, value.replace(/^\$\{.*\}$/, "a-value-of-env")]));
}
