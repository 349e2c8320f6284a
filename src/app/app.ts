import type { FastifyInstance } from "fastify";
import type { ChannelList } from "../channels/channel-list.ts";
import type { Config } from "../config/config.ts";
import { Fault } from "../faults.ts";
import { type Closeable, Lifecycle } from "../lifecycle.ts";
import type { Processor } from "../processor/processor.ts";
import { randomSecret } from "../random.ts";
import { boundHeap } from "./bounded-heap.ts";
import type { Figures } from "./figures.ts";
import { createHttpServer } from "./http-server.ts";
import { type AppDeps, openParts, type Parts } from "./parts.ts";
import { type Role, receives, works } from "./role.ts";
import { checkServer } from "./store-check.ts";
import { type Rooms, wireRooms } from "./wire-rooms.ts";
import { becomeWorker, beginWork, WorkAtLast } from "./work.ts";

/** After SIGTERM, how long running syncs may take; below the 30 s that orchestrators give. */
export const DRAIN_MS = 20_000;
const ADMIN_TOKEN_BYTES = 16;
/** After SIGTERM, how long senders are told `connection: close` before the door shuts: none meets a closed one unprepared. */
const FAREWELL_MS = 300;
/** After SIGTERM, how long a request may take to arrive and be answered. */
const REQUESTS_MS_MAX = 5_000;
/** A running memhook: what its role says of receiver, processor and channel keeper, in one process. */
export interface App extends Closeable {
  readonly url: string;
  readonly parts: Parts;
  readonly processor: Processor;
  /** Opens the operator routes; made at start where none is configured. */
  readonly adminToken: string;
  figures(): Promise<Figures>;
}

/**
 * Opens, starts and listens. On a store of this machine, throws a Fault when it cannot be had or another process works on it.
 * On a server, starts also while that is away. Throws Fault PORT_UNAVAILABLE, or STORE_UNSAFE where the server's settings lose
 * events; what had started is closed again.
 */
export async function startApp(config: Config, deps: AppDeps, { role }: { readonly role: Role }): Promise<App> {
  boundHeap();
  const lifecycle = new Lifecycle();
  try {
    const parts = await openParts(config, deps, { role });
    lifecycle.add("parts", () => parts.close());
    const check = await checkServer(config, deps, parts);
    lifecycle.add("check of the store", async () => check?.close());
    const rooms = wireRooms(config, deps, { parts, role });
    await readChannels(rooms.channels, { parts, lifecycle });
    parts.spill?.start();
    if (works(role)) await work(deps, { parts, rooms, lifecycle });
    const adminToken = config.http.adminToken ?? randomSecret(ADMIN_TOKEN_BYTES);
    let isAccepting = true;
    const server = await createHttpServer({
      receiver: receives(role) && config.webhook.isEnabled ? rooms.receiver : undefined,
      status: rooms.status,
      prometheus: rooms.prometheus,
      memory: parts.memory,
      clock: deps.clock,
      log: deps.log,
      counters: parts.engine.counters,
      adminToken,
      isLoopbackOnly: config.http.adminToken === undefined,
      isAccepting: () => isAccepting,
    });
    lifecycle.add("server", async () => {
      isAccepting = false;
      // Both at once: work ends while the last requests are answered.
      await Promise.all([closeServer(server, deps), rooms.processor.stop({ drainMs: DRAIN_MS })]);
    });
    const url = await listen(server, config);
    if (rooms.keeping !== undefined) {
      const { keeping } = rooms;
      keeping.start();
      lifecycle.add("channel keeper", () => keeping.close());
    }
    return {
      url,
      parts,
      processor: rooms.processor,
      adminToken,
      figures: rooms.figures,
      close: () => lifecycle.close(),
    };
  } catch (error) {
    await lifecycle.close();
    throw error;
  }
}

interface Started {
  readonly parts: Parts;
  readonly lifecycle: Lifecycle;
}

/** Known before the first callback comes. Where other processes open channels too, read again every few seconds. */
async function readChannels(channels: ChannelList, { parts, lifecycle }: Started): Promise<void> {
  if (parts.server === undefined) return channels.load();
  channels.start();
  lifecycle.add("channels", () => channels.close());
}

/** On a server the workers wait for it, as long as it takes; a file that cannot be had ends the start. */
async function work(deps: AppDeps, { parts, rooms, lifecycle }: Started & { readonly rooms: Rooms }): Promise<void> {
  lifecycle.add("processor", () => rooms.processor.stop({ drainMs: DRAIN_MS }));
  if (parts.server === undefined) {
    await becomeWorker(parts, deps);
    lifecycle.add("following of the memory", async () => rooms.follower?.close());
    return beginWork(parts, rooms, deps);
  }
  const atLast = new WorkAtLast(parts, rooms.processor, deps);
  lifecycle.add("work", () => atLast.close());
  atLast.start();
}

/** Lets requests end that are being answered; a sender that has stalled is cut off. */
async function closeServer(server: FastifyInstance, { clock }: Pick<AppDeps, "clock">): Promise<void> {
  await clock.sleep(FAREWELL_MS);
  const closed = new AbortController();
  const cutOff = clock.sleep(REQUESTS_MS_MAX, closed.signal).then(
    () => server.server.closeAllConnections(),
    () => undefined, // Closed in time.
  );
  await server.close();
  closed.abort();
  await cutOff;
}

async function listen(server: FastifyInstance, config: Config): Promise<string> {
  try {
    return await server.listen({ host: config.http.host, port: config.http.port });
  } catch (error) {
    throw new Fault("PORT_UNAVAILABLE", `listening on ${config.http.host}:${config.http.port}`, { cause: error });
  }
}
