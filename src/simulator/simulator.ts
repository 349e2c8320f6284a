import { fastify } from "fastify";
import { assert } from "../assert.ts";
import type { Clock } from "../clock.ts";
import { Lifecycle } from "../lifecycle.ts";
import { type Log, silentLog } from "../log.ts";
import { type Random, seededRandom } from "../random.ts";
import { openControl } from "./control-api.ts";
import type { Behaviour } from "./fake-zoho/behaviour.ts";
import type { CourierStats } from "./fake-zoho/courier.ts";
import type { SimulatedCrm } from "./fake-zoho/crm.ts";
import { type CallCounts, openDoor } from "./fake-zoho/http-door.ts";
import type { SignedNotes } from "./fake-zoho/signed-notes.ts";
import { createZoho, type Zoho } from "./fake-zoho/zoho.ts";
import type { Mischief } from "./mischief.ts";

/** How the simulator is started. */
export interface SimulatorOptions {
  readonly clock: Clock;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Equal seeds give equal records. Default 1. */
  readonly seed?: number;
  /** Accounts to begin with. Default 60. */
  readonly accounts?: number;
  /** Drives mischief and `crm.workday`; by default made from the seed. */
  readonly random?: Random;
  readonly log?: Log;
  readonly mischief?: Partial<Mischief>;
  readonly behaviour?: Partial<Behaviour>;
  /** Where the org's signed function posts changes of Notes. */
  readonly signedNotes?: SignedNotes | undefined;
}

/** What a client needs to reach the simulator, under the names of its environment. */
export interface SimulatorCredentials {
  readonly ZOHO_API_URL: string;
  readonly ZOHO_ACCOUNTS_URL: string;
  readonly ZOHO_CLIENT_ID: string;
  readonly ZOHO_CLIENT_SECRET: string;
  readonly ZOHO_REFRESH_TOKEN: string;
}

/** Counts since the start. */
export interface SimulatorStats {
  /** Calls by verb and path class, as in `GET /crm/v8/Accounts/:id`. */
  readonly calls: Readonly<Record<string, number>>;
  readonly callsTotal: number;
  readonly creditsUsed: number;
  readonly tokensIssued: number;
  readonly callbacks: Readonly<CourierStats> & { readonly pending: number };
}

/** A running stand-in Zoho CRM. */
export interface Simulator {
  readonly url: string;
  readonly credentials: SimulatorCredentials;
  readonly crm: SimulatedCrm;
  /** May be changed while it runs. */
  readonly mischief: Mischief;
  /** May be changed while it runs. */
  readonly behaviour: Behaviour;
  readonly stats: SimulatorStats;
  /** Kills all access tokens, as a time-out would. */
  expireTokens(): void;
  close(): Promise<void>;
}

const ACCOUNTS_DEFAULT = 60;

/** Largest body taken; a write of 100 records with full texts stays below. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** Starts a stand-in Zoho CRM: sign-in, REST, notifications and the control interface on one port. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { clock, host = "127.0.0.1", seed = 1 } = options;
  const secrets = secretsOf(seed);
  const lifecycle = new Lifecycle();
  const calls: CallCounts = {};
  let url = "";

  const zoho = createZoho({
    ...{ clock, seed, secrets, origin: () => url, log: options.log ?? silentLog },
    accounts: options.accounts ?? ACCOUNTS_DEFAULT,
    ...(options.random === undefined ? {} : { random: options.random }),
    ...(options.mischief === undefined ? {} : { mischief: options.mischief }),
    ...(options.behaviour === undefined ? {} : { behaviour: options.behaviour }),
    signedNotes: options.signedNotes,
  });
  lifecycle.add("callbacks", () => zoho.close());

  const app = fastify({ bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true });
  lifecycle.add("server", () => app.close());
  // JSON bodies come without a Content-Type from the official SDKs, so every body is kept as bytes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  openDoor(app, { zoho, clock, origin: () => url, calls });
  openControl(app, { zoho, stats: () => statsOf(zoho, calls) });
  await app.listen({ host, port: options.port ?? 0 });
  const address = app.server.address();
  assert(address !== null && typeof address === "object", "the simulator listens on a port");
  url = originOf(host, address.port);

  return {
    url,
    credentials: {
      ZOHO_API_URL: url,
      ZOHO_ACCOUNTS_URL: url,
      ZOHO_CLIENT_ID: secrets.clientId,
      ZOHO_CLIENT_SECRET: secrets.clientSecret,
      ZOHO_REFRESH_TOKEN: secrets.refreshToken,
    },
    crm: zoho.crm,
    mischief: zoho.mischief,
    behaviour: zoho.behaviour,
    get stats() {
      return statsOf(zoho, calls);
    },
    expireTokens: () => zoho.oauth.expireAll(),
    close: () => lifecycle.close(),
  };
}

function statsOf(zoho: Zoho, calls: CallCounts): SimulatorStats {
  return {
    calls: { ...calls },
    callsTotal: Object.values(calls).reduce((sum, count) => sum + count, 0),
    creditsUsed: zoho.limits.used,
    tokensIssued: zoho.oauth.issued,
    callbacks: { ...zoho.courier.stats, pending: zoho.courier.pending + zoho.notifier.gathering },
  };
}

/** A server on all interfaces is reached by loopback. */
function originOf(host: string, port: number): string {
  const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

/** Secrets of a stand-in, the same for the same seed: a restarted simulator knows its clients. */
function secretsOf(seed: number): { clientId: string; clientSecret: string; refreshToken: string } {
  const random = seededRandom(seed + 1000);
  const hex = (length: number) => Array.from({ length }, () => Math.floor(random.next() * 16).toString(16)).join("");
  return {
    clientId: `1000.${hex(28).toUpperCase()}`,
    clientSecret: hex(42),
    refreshToken: `1000.${hex(32)}.${hex(32)}`,
  };
}
