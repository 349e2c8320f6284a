import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RedisAddress } from "../../src/redis-address.ts";
import { askRedis } from "./ask-redis.ts";
import { ensureRedis } from "./redis-binary.ts";

const READY_MS_MAX = 20_000;
const LOOK_EVERY_MS = 10;
const STARTS_MAX = 3;
const LOG_FILE = "redis.log";

/** How a server is started. */
export interface RedisServerOptions {
  /** Writes an append-only file, fsynced so. Absent = nothing on disk: after a restart it is empty. */
  readonly appendfsync?: "always" | "everysec" | "no";
  readonly port?: number;
  /** Absent = a temporary one, removed with `stop`. */
  readonly dir?: string;
  readonly args?: readonly string[];
}

/** A real redis-server (or valkey-server) on this machine. */
export interface RedisServer {
  readonly port: number;
  /** Changes with each restart. */
  readonly pid: number;
  readonly dir: string;
  readonly address: RedisAddress & { readonly kind: "single" };
  /** Sends one command; the answer as it stands on the wire. */
  ask(...command: readonly string[]): Promise<string>;
  /** Ends the process by a signal and waits for its end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same folder and port, after killing it where it runs. Resolves when it answers and has loaded. */
  restart(...moreArgs: readonly string[]): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends it and removes its folder. Idempotent. */
  stop(): Promise<void>;
}

/** Children that live: when this process ends, so do they. */
const living = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

/** Starts a server and waits until it answers. Throws when there is no program for it. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), "memhook-redis-")));
  for (let start = 1; ; start += 1) {
    const port = options.port ?? (await freePort());
    const server = new LocalRedis(port, dir, argsOf(options, port, dir), options.dir === undefined);
    try {
      await server.restart();
      return server;
    } catch (error) {
      // Somebody else may have taken the port in the meantime.
      if (options.port !== undefined || start === STARTS_MAX) {
        await server.stop();
        throw error;
      }
    }
  }
}

/** Starts a process of the server's program with arguments of its own, such as a sentinel's. */
export async function startRedisProcess(options: {
  readonly port: number;
  readonly dir: string;
  readonly args: readonly string[];
}): Promise<RedisServer> {
  const server = new LocalRedis(options.port, options.dir, options.args, true);
  await server.restart();
  return server;
}

/** A port that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Waits until a fact holds; says which one did not. */
export async function until(fact: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + READY_MS_MAX;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > end) throw new Error(`not within ${READY_MS_MAX} ms: ${fact}`);
    await sleep(LOOK_EVERY_MS);
  }
}

class LocalRedis implements RedisServer {
  readonly port: number;
  readonly dir: string;
  readonly address: RedisServer["address"];
  readonly #args: readonly string[];
  readonly #isDirOurs: boolean;
  #child: ChildProcess | undefined;

  constructor(port: number, dir: string, args: readonly string[], isDirOurs: boolean) {
    this.port = port;
    this.dir = dir;
    this.address = { kind: "single", host: "127.0.0.1", port, db: 0, tls: false };
    this.#args = args;
    this.#isDirOurs = isDirOurs;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  ask(...command: readonly string[]): Promise<string> {
    return askRedis(this.port, command);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || !living.has(child)) return;
    child.ref(); // Somebody waits for it now.
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  async restart(...moreArgs: readonly string[]): Promise<void> {
    const redis = await ensureRedis();
    if (!("path" in redis)) throw new Error(redis.missing);
    await this.kill();
    const child = this.#spawn(redis.path, moreArgs);
    await until(`redis-server answers on port ${this.port}`, async () => {
      if (!living.has(child)) return true;
      return /^(\+PONG|-NOAUTH)/.test(await this.ask("PING"));
    });
    if (living.has(child)) return;
    const log = await readFile(join(this.dir, LOG_FILE), "utf8").catch(() => "");
    throw new Error(`redis-server ended at its start: ${log.split("\n").slice(-5).join(" ")}`);
  }

  #spawn(path: string, moreArgs: readonly string[]): ChildProcess {
    const child = spawn(path, [...this.#args, ...moreArgs], { cwd: this.dir, stdio: "ignore" });
    living.add(child);
    child.once("exit", () => living.delete(child));
    child.once("error", () => living.delete(child));
    child.unref();
    this.#child = child;
    return child;
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async stop(): Promise<void> {
    await this.kill();
    if (this.#isDirOurs) await rm(this.dir, { recursive: true, force: true });
  }
}

function argsOf({ appendfsync, args = [] }: RedisServerOptions, port: number, dir: string): readonly string[] {
  const disk =
    appendfsync === undefined ? ["--appendonly", "no"] : ["--appendonly", "yes", "--appendfsync", appendfsync];
  const place = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--logfile", LOG_FILE];
  return [...place, "--save", "", ...disk, ...args];
}
