import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseDockerfile } from "./dockerfile.ts";
import { parseIgnoreFile } from "./ignore-file.ts";
import { buildImage, type Image } from "./image-build.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/** Two installations, a compilation and a start; some 20 s on two cores that are free. */
const BUILD_MS_MAX = 180_000;
const START_MS_MAX = 20_000;
const LOOK_EVERY_MS = 100;

const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
const dockerfile = parseDockerfile(text("Dockerfile"));
const isIgnored = parseIgnoreFile(text(".dockerignore"));

test("all stages stand on the Node that the lock file pins", () => {
  const lock: { packages: Record<string, { version?: string }> } = JSON.parse(text("package-lock.json"));
  const pinned = lock.packages["node_modules/node"]?.version;
  for (const { base } of dockerfile.stages) assert.match(base, new RegExp(`^node:${pinned}-[a-z]+-slim$`));
});

test("no secret, data, test or build of this machine gets into the context", () => {
  const outside = [".env", "data/engine.db", "node_modules/fastify/package.json", "dist/cli/main.js", ".git/config"];
  for (const path of [...outside, "src/cli/serve.test.ts", "docs/operations.md"]) assert.ok(isIgnored(path), path);
  for (const path of ["src/cli/main.ts", "package-lock.json", ".npmrc"]) assert.ok(!isIgnored(path), path);
});

test("a path that is not there is what a copy fails at", async () => {
  const broken = parseDockerfile("FROM node:1 AS a\nWORKDIR /app\nCOPY absent.json ./");
  const folder = mkdtempSync(join(tmpdir(), "memhook-image-"));
  await assert.rejects(buildImage(broken, { context: folder, folder }), /ENOENT/);
  rmSync(folder, { recursive: true });
});

describe("the image, built and run from the Dockerfile's own instructions", { timeout: BUILD_MS_MAX }, () => {
  const folder = mkdtempSync(join(tmpdir(), "memhook-image-"));
  let image: Image;
  before(async () => {
    chmodSync(folder, 0o755); // Another user runs what is in it.
    const context = join(folder, "context");
    for (const path of contextPaths()) cpSync(join(ROOT, path), join(context, path));
    image = await buildImage(dockerfile, { context, folder });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("it carries what runs, and neither compiler nor sources", () => {
    const app = readdirSync(join(image.root, "app"));
    assert.deepEqual(app.toSorted(), ["LICENSE", "dist", "node_modules", "package.json"]);
    for (const name of ["typescript", "node", "@biomejs"])
      assert.ok(!existsSync(join(image.root, "app/node_modules", name)));
  });

  test("it runs as nobody in particular, by number, and keeps only its volume", () => {
    assert.ok(image.uid > 0 && image.gid > 0);
    assert.deepEqual(image.volumes, [image.env["DATA_DIR"]]);
    assert.equal(statSync(join(image.root, "data")).mode & 0o777, 0o700);
  });

  test("it is healthy once it serves, takes a delivery, writes nothing but its volume, and ends with 0 at its stop signal", async () => {
    const before = listing(join(image.root, "app"));
    const env = await environment(image);
    assert.notEqual(check(image, env), 0, "nothing is healthy before it runs");

    const [program = "", ...args] = [...image.entrypoint, ...image.command];
    const child = spawn(program, args.map(inside(image)), { ...asUser(image), env, stdio: ["ignore", "pipe", "pipe"] });
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(String(chunk)));
    const ended = once(child, "exit");
    try {
      const deadline = Date.now() + START_MS_MAX;
      while (check(image, env) !== 0) {
        assert.equal(child.exitCode, null, output.join(""));
        assert.ok(Date.now() < deadline, output.join(""));
        await sleep(LOOK_EVERY_MS);
      }
      assert.equal(await deliver(`http://127.0.0.1:${env["PORT"]}`), 200);
      child.kill(image.stopSignal as NodeJS.Signals); // A name that it does not know, it throws at.
      assert.deepEqual(await ended, [0, null], output.join(""));
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    assert.deepEqual(listing(join(image.root, "app")), before);
    assert.ok(existsSync(join(image.root, "data/engine.db")));
  });
});

/** What an engine would be sent: every file that is not ignored. Two folders are only too large to look through. */
function contextPaths(folder = ""): readonly string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(node_modules|\.git)$/.test(entry.name) ? [] : contextPaths(path);
    return entry.isFile() && !isIgnored(path) ? [path] : [];
  });
}

/** Moves a path of the image to where it lies here. */
function inside({ root }: Image): (value: string) => string {
  return (value) => (value.startsWith("/") ? join(root, value) : value);
}

/** The image's own, with a port that is free and programs from the build stage: its Node is the pinned one. */
async function environment(image: Image): Promise<NodeJS.ProcessEnv> {
  const own = Object.entries(image.env).map(([name, value]) => [name, inside(image)(value)]);
  const zoho = { ZOHO_CLIENT_ID: "id", ZOHO_CLIENT_SECRET: "secret", ZOHO_REFRESH_TOKEN: "token" };
  return {
    ...Object.fromEntries(own),
    ...zoho,
    WEBHOOK_SECRET: SECRET,
    ZOHO_API_URL: "http://127.0.0.1:9",
    ZOHO_ACCOUNTS_URL: "http://127.0.0.1:9",
    PATH: join(image.root, "../build/app/node_modules/node/bin"),
    HOME: "/nonexistent",
    TMPDIR: "/nonexistent",
    HOST: "127.0.0.1",
    PORT: String(await freePort()),
  };
}

/** Root becomes the image's user, to whom the tree is read-only; anybody else is one already. */
function asUser({ root, workdir, uid, gid }: Image) {
  return { cwd: join(root, workdir), ...(process.getuid?.() === 0 ? { uid, gid } : {}) };
}

/** The exit code of the image's own health check. */
function check(image: Image, env: NodeJS.ProcessEnv): number | null {
  const [program = "", ...args] = image.healthcheck;
  return spawnSync(program, args, { ...asUser(image), env, timeout: START_MS_MAX }).status;
}

async function deliver(url: string): Promise<number> {
  const event = { event_id: randomUUID(), event_type: "update", module: "Accounts", record_id: "4876876000000400919" };
  const body = JSON.stringify(event);
  const signature = createHmac("sha256", SECRET).update(body).digest("hex");
  const headers = { "content-type": "application/json", "x-zoho-signature": signature };
  const response = await fetch(`${url}/webhooks/zoho`, { method: "POST", headers, body });
  await response.arrayBuffer();
  return response.status;
}

/** Every file below, with its size and the time of its last change. */
function listing(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => {
    const { size, mtimeMs } = statSync(join(folder, path));
    return `${path} ${size} ${mtimeMs}`;
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
