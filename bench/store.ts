import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "../test/redis/redis-server.ts";
import { cpuMicros } from "./usage.ts";

/** Where events are kept: memhook's own file, or a Redis with one of the two settings that can be trusted. */
export type StoreKind = "embedded" | "everysec" | "always";
export type RedisSetting = Exclude<StoreKind, "embedded">;

/** How the table names a store. */
export const STORE_NAMES: Readonly<Record<StoreKind, string>> = {
  embedded: "embedded, fsynced",
  everysec: "Redis, everysec",
  always: "Redis, always",
};

/** A redis-server of this benchmark's own, on the loopback, fresh. */
export interface BenchRedis {
  readonly port: number;
  readonly url: string;
  /** Processor time that it has used, microseconds. */
  cpuMicros(): number;
  /** What INFO calls used_memory. */
  usedMemory(): Promise<number>;
  /** Ends it the hard way. */
  kill(): Promise<void>;
  /** Starts it on what it left. */
  restart(): Promise<void>;
  /** A crash and the start after it, where the setting promises that nothing is lost by one; else nothing happens. */
  crash(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/**
 * The log's rewriting is off: it would begin at some moment of some rounds, and most for those who write most, the peers.
 * Snapshots are off as `startRedis` has it; the log alone is what an acknowledged event rests on.
 */
const SETTINGS = ["--auto-aof-rewrite-percentage", "0"];

/** Starts a fresh redis-server that writes its log as told. */
export async function startBenchRedis(appendfsync: RedisSetting): Promise<BenchRedis> {
  const server = await startRedis({ appendfsync, args: SETTINGS });
  return {
    port: server.port,
    url: `redis://127.0.0.1:${server.port}`,
    cpuMicros: () => cpuMicros(server.pid),
    usedMemory: async () => Number(/^used_memory:(\d+)/m.exec(await server.ask("INFO", "memory"))?.[1]),
    kill: () => server.kill("SIGKILL"),
    restart: () => server.restart(),
    crash: async () => {
      if (appendfsync !== "always") return;
      await server.kill("SIGKILL");
      await server.restart();
    },
    stop: () => server.stop(),
  };
}

/** A fresh store for one process or a few, and how they are told of it: `embedded:<folder>` or `redis:<port>`. */
export interface FreshStore {
  readonly kind: StoreKind;
  readonly address: string;
  /** Of the embedded engine's file. */
  readonly folder: string | undefined;
  readonly redis: BenchRedis | undefined;
}

/** Makes a store, lets it be used, and removes it, whatever happens. */
export async function withStore<T>(kind: StoreKind, use: (store: FreshStore) => Promise<T>): Promise<T> {
  if (kind === "embedded") {
    const folder = await mkdtemp(join(tmpdir(), "memhook-bench-"));
    try {
      return await use({ kind, address: `embedded:${folder}`, folder, redis: undefined });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  const redis = await startBenchRedis(kind);
  try {
    return await use({ kind, address: `redis:${redis.port}`, folder: undefined, redis });
  } finally {
    await redis.stop();
  }
}
