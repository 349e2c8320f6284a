import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { COGNEE_VERSION, ensureCognee } from "./install.ts";
import { keptPort } from "./kept-port.ts";
import { type ModelStub, startModelStub } from "./model-stub.ts";
import { LOG_FILE, PASSWORD, prepareEnvironment, USERNAME, VECTOR_DIMENSIONS } from "./server-environment.ts";

/** A start takes 9 to 16 s on two idle cores; the other test files share them. */
const READY_MS_MAX = 180_000;
const LOOK_EVERY_MS = 100;
const CALL_MS_MAX = 30_000;
/** The group's last process is gone milliseconds after SIGKILL. One that stays is a zombie that nobody reaps, and holds nothing. */
const GONE_MS_MAX = 2_000;
/** Between the choice of a port and its use somebody else may be given it. */
const STARTS_MAX = 3;
const LOG_LINES_MAX = 40;

/** A real Cognee on this machine, with a model stub in place of the model. */
export interface CogneeServer {
  /** Origin, without a path. */
  readonly url: string;
  readonly version: string;
  readonly model: ModelStub;
  readonly apiKey: string;
  readonly username: string;
  readonly password: string;
  readonly dataDir: string;
  /** What it printed and logged, from its first start on. */
  readonly logFile: string;
  /** Changes with each start; undefined while it does not run. */
  readonly pid: number | undefined;
  /** SIGKILL for it and its database workers, as when a container dies; waits for the end. Does nothing where it does not run. */
  kill(): Promise<void>;
  /** Starts it again, on the same data and port; resolves when /health is 200. Does nothing where it runs. */
  start(): Promise<void>;
  /** Ends server and model stub, removes the data. Idempotent. */
  stop(): Promise<void>;
}

/** How a server is started; `env` adds to its environment or overrides it. */
export interface CogneeOptions {
  readonly version?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Servers that live: when this process ends, so do they. */
const living = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of living) killGroup(child);
});

/** Starts a server on empty stores, with access control on, and makes an API key. Throws where no Cognee can be had. */
export async function startCognee({ version = COGNEE_VERSION, env = {} }: CogneeOptions = {}): Promise<CogneeServer> {
  const install = await ensureCognee(version);
  if (!("dir" in install)) throw new Error(install.missing);
  const model = await startModelStub({ dimensions: VECTOR_DIMENSIONS });
  const dataDir = await mkdtemp(join(tmpdir(), "memhook-cognee-"));
  const settings = { ...(await prepareEnvironment({ venv: install.dir, dataDir, modelUrl: model.url })), ...env };
  for (let start = 1; ; start += 1) {
    const place = { python: install.python, port: await keptPort(), dataDir, env: settings };
    const server = new LocalCognee(version, model, place);
    try {
      await server.start();
      await server.makeApiKey();
      return server;
    } catch (error) {
      if (start < STARTS_MAX && /address already in use/.test(String(error))) continue;
      await server.stop();
      throw error;
    }
  }
}

/** What a server needs to be started. */
interface Place {
  readonly python: string;
  readonly port: number;
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string>>;
}

class LocalCognee implements CogneeServer {
  readonly url: string;
  readonly version: string;
  readonly model: ModelStub;
  readonly username = USERNAME;
  readonly password = PASSWORD;
  readonly dataDir: string;
  readonly logFile: string;
  readonly #place: Place;
  #apiKey = "";
  #child: ChildProcess | undefined;

  constructor(version: string, model: ModelStub, place: Place) {
    this.url = `http://127.0.0.1:${place.port}`;
    this.version = version;
    this.model = model;
    this.dataDir = place.dataDir;
    this.logFile = join(place.dataDir, LOG_FILE);
    this.#place = place;
  }

  get apiKey(): string {
    return this.#apiKey;
  }

  get pid(): number | undefined {
    return this.#child !== undefined && living.has(this.#child) ? this.#child.pid : undefined;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || !living.has(child)) return;
    child.ref(); // Somebody waits for it now.
    const gone = new Promise((resolve) => child.once("exit", resolve));
    killGroup(child);
    await gone;
    const end = Date.now() + GONE_MS_MAX;
    while (isGroupThere(child.pid) && Date.now() < end) await sleep(LOOK_EVERY_MS);
  }

  async start(): Promise<void> {
    if (this.pid !== undefined) return;
    const child = this.#spawn();
    const end = Date.now() + READY_MS_MAX;
    while (!(await this.#isReady())) {
      if (!living.has(child)) throw new Error(`Cognee ended at its start:\n${await this.#lastWords()}`);
      if (Date.now() > end) throw new Error(`Cognee not ready after ${READY_MS_MAX} ms:\n${await this.#lastWords()}`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** Keys survive restarts: one is made for the life of the data. */
  async makeApiKey(): Promise<void> {
    const form = new URLSearchParams({ username: USERNAME, password: PASSWORD });
    const { access_token: token } = await this.#post("/api/v1/auth/login", form, {});
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const { key } = await this.#post("/api/v1/auth/api-keys", JSON.stringify({ name: "tests" }), headers);
    if (typeof key !== "string") throw new Error("Cognee gave no API key");
    this.#apiKey = key;
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.model.close();
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 3 });
  }

  async #post(
    path: string,
    body: URLSearchParams | string,
    headers: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, unknown>>> {
    const signal = AbortSignal.timeout(CALL_MS_MAX);
    const response = await fetch(this.url + path, { method: "POST", body, headers, signal });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}\n${await this.#lastWords()}`);
    return JSON.parse(text) as Readonly<Record<string, unknown>>; // Both answers are objects; the caller checks what it takes.
  }

  async #isReady(): Promise<boolean> {
    const signal = AbortSignal.timeout(CALL_MS_MAX);
    const response = await fetch(`${this.url}/health`, { signal }).catch(() => undefined);
    await response?.arrayBuffer();
    return response?.status === 200;
  }

  #spawn(): ChildProcess {
    const { python, port, dataDir, env } = this.#place;
    const log = openSync(this.logFile, "a");
    const child = spawn(python, [join(import.meta.dirname, "serve.py"), String(port)], {
      cwd: dataDir, // A .env file in the working directory would override the environment.
      env,
      stdio: ["pipe", log, log],
      detached: true, // A group of its own, so that its database workers can be ended with it.
    });
    closeSync(log);
    living.add(child);
    child.once("exit", () => living.delete(child));
    child.once("error", () => living.delete(child));
    child.unref();
    if (child.stdin !== null && "unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
    this.#child = child;
    return child;
  }

  async #lastWords(): Promise<string> {
    const log = await readFile(this.logFile, "utf8").catch(() => "");
    return log.trim().split("\n").slice(-LOG_LINES_MAX).join("\n");
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined && isGroupThere(child.pid)) process.kill(-child.pid, "SIGKILL");
}

function isGroupThere(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}
