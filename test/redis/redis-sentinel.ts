import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RedisAddress } from "../../src/redis-address.ts";
import { freePort, type RedisServer, startRedis, startRedisProcess, until } from "./redis-server.ts";

const MASTER_NAME = "memhook";

/** A master, its replica and the sentinel that watches them, on this machine. */
export interface RedisSentinel {
  readonly servers: readonly [RedisServer, RedisServer];
  readonly sentinel: RedisServer;
  readonly address: RedisAddress & { readonly kind: "sentinel" };
  /** The server that the sentinel names master now. */
  master(): Promise<RedisServer>;
  /**
   * Waits for the replica to be in step, then makes it the master; resolves when it is. The former master goes on taking writes until the
   * sentinel turns it into a replica, some 10 s later: they are lost.
   */
  failover(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a master with a replica in step, and one sentinel that decides alone. */
export async function startSentinel(
  options: { readonly appendfsync?: "always" | "everysec" | "no" } = {},
): Promise<RedisSentinel> {
  const quick = ["--repl-diskless-sync-delay", "0"];
  const first = await startRedis({ ...options, args: quick });
  const second = await startRedis({ ...options, args: [...quick, "--replicaof", "127.0.0.1", String(first.port)] });
  const sentinel = await startWatcher(first.port);
  const servers = [first, second] as const;
  const master = async () => {
    const answer = await sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME);
    const named = servers.find(({ port }) => answer.includes(`\r\n${port}\r\n`));
    if (named === undefined) throw new Error(`the sentinel names no server of ours: ${answer}`);
    return named;
  };
  const isInStep = async () => {
    const leader = await master();
    const replication = await leader.ask("INFO", "replication");
    const known = await sentinel.ask("SENTINEL", "REPLICAS", MASTER_NAME);
    const [written, copied] = [
      offsetIn(replication, /^master_repl_offset:(\d+)/m),
      offsetIn(replication, /,offset=(\d+),/),
    ];
    const isCopied = replication.includes("state=online") && copied >= written;
    return replication.includes("role:master") && isCopied && known.includes("\r\nok\r\n");
  };
  await until("the replica is in step and the sentinel knows it", isInStep);
  return {
    servers,
    sentinel,
    address: {
      kind: "sentinel",
      sentinels: [{ host: "127.0.0.1", port: sentinel.port }],
      name: MASTER_NAME,
      db: 0,
      tls: false,
    },
    master,
    failover: async () => {
      await until("the replica is in step and the sentinel knows it", isInStep);
      const before = await master();
      const answer = await sentinel.ask("SENTINEL", "FAILOVER", MASTER_NAME);
      if (!answer.startsWith("+OK")) throw new Error(`no fail-over: ${answer}`);
      await until("the replica is the master", async () => (await master()) !== before);
    },
    stop: async () => {
      await Promise.all([...servers, sentinel].map((server) => server.stop()));
    },
  };
}

/** -1 = not told. */
function offsetIn(replication: string, pattern: RegExp): number {
  return Number(pattern.exec(replication)?.[1] ?? -1);
}

async function startWatcher(masterPort: number): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), "memhook-sentinel-"));
  const port = await freePort();
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${dir}`,
    "logfile redis.log",
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 1`,
    `sentinel down-after-milliseconds ${MASTER_NAME} 500`,
    `sentinel failover-timeout ${MASTER_NAME} 3000`,
  ];
  await writeFile(join(dir, "sentinel.conf"), `${lines.join("\n")}\n`);
  return startRedisProcess({ port, dir, args: [join(dir, "sentinel.conf"), "--sentinel"] });
}
