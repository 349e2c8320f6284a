import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { HostPort, RedisAddress } from "../../redis-address.ts";
import { placeOf } from "./describe-address.ts";
import { Link, type Reply } from "./link.ts";

/** Nodes remembered at most: a cluster has 1,000 at the very most, and any of these knows the way to the rest. */
const NODES_MAX = 50;

/**
 * Finds the server that is in charge of the engine's keys and opens a link to it: the one there is, the master that the
 * sentinels name, or the master of the cluster's node that has the slot of the key.
 *
 * All keys lie in one slot, so a cluster is to us one server that may move. Redirections are followed by looking anew, never
 * per command: while the slot moves between two nodes a command sent after an ASK would find half of its keys, and one
 * resent after a MOVED would overtake its neighbours.
 */
export class Locator {
  readonly #address: RedisAddress;
  readonly #key: string;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #signal: AbortSignal;
  /** Sentinels, or nodes of the cluster; who answered last stands first. */
  #guides: readonly HostPort[];

  constructor(options: {
    readonly address: RedisAddress;
    readonly key: string;
    readonly clock: Pick<Clock, "sleep">;
    readonly signal: AbortSignal;
  }) {
    this.#address = options.address;
    this.#key = options.key;
    this.#clock = options.clock;
    this.#signal = options.signal;
    this.#guides = seedsOf(options.address);
  }

  /** Opens a link to the server in charge. Throws Fault STORE_UNAVAILABLE. */
  async open(): Promise<Link> {
    const address = this.#address;
    switch (address.kind) {
      case "single":
        return this.#link(address, address.db);
      case "sentinel":
        return this.#ask((guide) => this.#masterBy(guide, address.name, address.db));
      case "cluster":
        return this.#ask((guide) => this.#ownerBy(guide));
    }
  }

  /** Opens a link to a sentinel, which tells of fail-overs. Throws Fault STORE_UNAVAILABLE. */
  openSentinel(): Promise<Link> {
    return this.#ask((guide) => this.#link(guide, 0));
  }

  /** Remembers where the key is said to have moved. */
  hint(server: HostPort): void {
    if (this.#address.kind === "cluster") this.#prefer([server]);
  }

  /** Asks one guide after the other until one leads to a link. */
  async #ask(lead: (guide: HostPort) => Promise<Link>): Promise<Link> {
    let last: unknown;
    for (const guide of this.#guides) {
      if (this.#signal.aborted) break;
      try {
        const link = await lead(guide);
        this.#prefer([guide]);
        return link;
      } catch (error) {
        last = error;
      }
    }
    throw last ?? new Fault("STORE_UNAVAILABLE", "looking for Redis", { detail: "closed" });
  }

  async #masterBy(sentinel: HostPort, name: string, db: number): Promise<Link> {
    const guide = await this.#link(sentinel, 0);
    try {
      const [host, port] = listOf(await guide.send("sentinel", ["get-master-addr-by-name", name]));
      if (!Buffer.isBuffer(host) || !Buffer.isBuffer(port)) throw unknownTo(sentinel, "no such master");
      return await this.#link({ host: host.toString(), port: Number(port.toString()) }, db);
    } finally {
      guide.end("asked");
    }
  }

  async #ownerBy(node: HostPort): Promise<Link> {
    const guide = await this.#link(node, 0);
    let isOwner = false;
    try {
      const [slot, slots] = await Promise.all([
        guide.send("cluster", ["keyslot", this.#key]),
        guide.send("cluster", ["slots"]),
      ]);
      const ranges = listOf(slots).map((range) => rangeOf(range, node));
      const owner = ranges.find(({ from, to }) => typeof slot === "number" && from <= slot && slot <= to)?.master;
      if (owner === undefined) throw unknownTo(node, "CLUSTERDOWN");
      this.#prefer([node, ...ranges.map(({ master }) => master), ...seedsOf(this.#address)]);
      isOwner = placeOf(owner) === placeOf(node);
      return isOwner ? guide : await this.#link(owner, 0);
    } finally {
      if (!isOwner) guide.end("asked");
    }
  }

  #link(server: HostPort, db: number): Promise<Link> {
    const { username, password, tls } = this.#address;
    return Link.open({
      server,
      db,
      tls,
      clock: this.#clock,
      signal: this.#signal,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
  }

  #prefer(first: readonly HostPort[]): void {
    const byPlace = new Map([...first, ...this.#guides].map((server) => [placeOf(server), server]));
    // The seeds are what the operator named: they are never pushed out by what a server told.
    for (const seed of seedsOf(this.#address)) byPlace.set(placeOf(seed), seed);
    const seeds = new Set(seedsOf(this.#address).map(placeOf));
    const all = [...byPlace.values()];
    this.#guides = all.filter((server, index) => index < NODES_MAX || seeds.has(placeOf(server)));
  }
}

function seedsOf(address: RedisAddress): readonly HostPort[] {
  if (address.kind === "single") return [address];
  return address.kind === "sentinel" ? address.sentinels : address.nodes;
}

/** One entry of CLUSTER SLOTS. A node that does not know its own name leaves it out: it is the one that was asked. */
function rangeOf(range: Reply, asked: HostPort) {
  const [from, to, master] = listOf(range);
  const [host, port] = listOf(master ?? null);
  const named = Buffer.isBuffer(host) ? host.toString() : "";
  return {
    from: Number(from),
    to: Number(to),
    master: { host: named === "" || named === "?" ? asked.host : named, port: Number(port) },
  };
}

function listOf(reply: Reply): readonly Reply[] {
  return Array.isArray(reply) ? reply : [];
}

function unknownTo(server: HostPort, detail: string): Fault {
  return new Fault("STORE_UNAVAILABLE", `asking ${placeOf(server)} for the server in charge`, { detail });
}
