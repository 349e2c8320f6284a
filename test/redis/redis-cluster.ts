import type { RedisAddress } from "../../src/redis-address.ts";
import { freePort, type RedisServer, startRedis, until } from "./redis-server.ts";

const SLOTS = 16_384;
/** A node that was not heard of for so long counts as failed. */
const NODE_TIMEOUT_MS = 1_000;

/** A real cluster of masters on this machine. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  readonly address: RedisAddress & { readonly kind: "cluster" };
  /** The node that serves a key's slot. */
  nodeOf(key: string): Promise<RedisServer>;
  /** Resolves when every node says that the cluster is well. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a cluster of `size` masters and waits until it is well. */
export async function startRedisCluster(
  size: number,
  options: { readonly appendfsync?: "always" | "everysec" | "no" } = {},
): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  for (let index = 0; index < size; index += 1) nodes.push(await startNode(options));
  const cluster: RedisCluster = {
    nodes,
    address: {
      kind: "cluster",
      nodes: nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
      tls: false,
    },
    nodeOf: async (key) => {
      const slot = Number((await nodes[0]?.ask("CLUSTER", "KEYSLOT", key))?.slice(1));
      const node = nodes[Math.floor(slot / rangeLength(size))];
      if (node === undefined) throw new Error(`no node has slot ${slot}`);
      return node;
    },
    ready: () => until("the cluster is well", async () => (await Promise.all(nodes.map(isWell))).every(Boolean)),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
  try {
    await join(nodes);
    await cluster.ready();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function startNode(options: { readonly appendfsync?: "always" | "everysec" | "no" }): Promise<RedisServer> {
  const bus = String(await freePort());
  const timeout = ["--cluster-node-timeout", String(NODE_TIMEOUT_MS)];
  return startRedis({ ...options, args: ["--cluster-enabled", "yes", "--cluster-port", bus, ...timeout] });
}

async function join(nodes: readonly RedisServer[]): Promise<void> {
  const length = rangeLength(nodes.length);
  for (const [index, node] of nodes.entries()) {
    const last = Math.min(SLOTS, (index + 1) * length) - 1;
    await mustBeOk(node, "CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
    await mustBeOk(node, "CLUSTER", "ADDSLOTSRANGE", String(index * length), String(last));
  }
  const [first, ...others] = nodes;
  if (first === undefined) return;
  const bus = /cluster-port\r\n\$\d+\r\n(\d+)/.exec(await first.ask("CONFIG", "GET", "cluster-port"))?.[1] ?? "0";
  for (const node of others) await mustBeOk(node, "CLUSTER", "MEET", "127.0.0.1", String(first.port), bus);
}

async function isWell(node: RedisServer): Promise<boolean> {
  const info = await node.ask("CLUSTER", "INFO");
  return info.includes("cluster_state:ok") && info.includes(`cluster_slots_ok:${SLOTS}`);
}

async function mustBeOk(node: RedisServer, ...command: readonly string[]): Promise<void> {
  const answer = await node.ask(...command);
  if (!answer.startsWith("+OK")) throw new Error(`${command.join(" ")}: ${answer}`);
}

function rangeLength(nodes: number): number {
  return Math.ceil(SLOTS / nodes);
}
