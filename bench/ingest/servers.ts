import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { freePort, startServe } from "../../test/crash/serve-process.ts";
import { endChild, nextMessage, startChild } from "../child.ts";
import { ENGINE_FILE } from "../open-engine.ts";
import type { BenchRedis, FreshStore } from "../store.ts";
import { type Stored, verifyBrief, verifyBullmq, verifyEngine } from "../verify-store.ts";

/** Signs the load's deliveries. */
export const SECRET = "bench-secret-of-thirty-two-bytes";

/** A receiver under load, a process of its own. */
export interface Server {
  readonly port: number;
  readonly pid: number;
  /** Ends it the hard way, as a crash would. */
  kill(): Promise<unknown>;
  /** What is found in its store once it is dead; undefined where nothing is stored. */
  stored(acknowledged: readonly string[]): Promise<Stored | undefined>;
  /** Bytes that the store has for what waits in it: `used_memory` of Redis, else the size of the file. */
  storeBytes(): Promise<number>;
}

/** Starts a peer that stores nothing. */
export async function startPeer(peer: "bare" | "checked"): Promise<Server> {
  return { ...(await startProgram(peer, [])), stored: async () => undefined, storeBytes: async () => 0 };
}

/** Starts a peer that stores in Redis. */
export async function startRedisPeer(peer: "bullmq" | "brief", redis: BenchRedis): Promise<Server> {
  const verify = peer === "bullmq" ? verifyBullmq : verifyBrief;
  return {
    ...(await startProgram(`${peer}-ingest`, [String(redis.port)])),
    stored: (acknowledged) => verify(redis.port, acknowledged),
    storeBytes: () => redis.usedMemory(),
  };
}

async function startProgram(name: string, args: readonly string[]): Promise<Pick<Server, "port" | "pid" | "kill">> {
  const child = startChild(`peers/${name}.ts`, [SECRET, ...args]);
  const { port } = z.object({ port: z.number() }).parse(await nextMessage(child));
  return { port, pid: child.pid ?? 0, kill: () => endChild(child) };
}

/**
 * The server as it is run: `receiver` on Redis, `serve` on a file. Its CRM is a port where nobody listens, so that what is
 * taken stays queued: every acknowledged event can be looked for after the kill, and the queue's size be measured.
 */
export async function startMemhook(store: FreshStore, dataDir: string): Promise<Server> {
  const [port, nobody] = [await freePort(), await freePort()];
  const { redis } = store;
  const server = startServe({
    command: redis === undefined ? "serve" : "receiver",
    port,
    dataDir,
    env: {
      WEBHOOK_SECRET: SECRET,
      WEBHOOK_MAX_QUEUE_SIZE: "10000000",
      ZOHO_API_URL: `http://127.0.0.1:${nobody}`,
      ZOHO_ACCOUNTS_URL: `http://127.0.0.1:${nobody}`,
      ZOHO_CLIENT_ID: "bench",
      ZOHO_CLIENT_SECRET: "bench",
      ZOHO_REFRESH_TOKEN: "bench",
      ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
    },
  });
  await server.ready();
  return {
    port,
    pid: server.pid,
    kill: () => server.kill("SIGKILL"),
    stored: (acknowledged) => verifyEngine(store.address, acknowledged),
    storeBytes: async () => (redis === undefined ? (await stat(join(dataDir, ENGINE_FILE))).size : redis.usedMemory()),
  };
}
