import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import type { CrashPlace } from "./life.ts";
import { Machine } from "./machine.ts";
import type { RouteName } from "./routes.ts";
import type { CogneeCounts, Knobs, Latency, Poison } from "./server-process.ts";
import { type CogneeVersion, waysOf } from "./version-ways.ts";

/** How the stand-in is started. */
export interface CogneeStandInOptions {
  readonly clock: Clock;
  /** Default 1.6.5. */
  readonly version?: CogneeVersion;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** How long work takes; nothing takes any time by default. */
  readonly latency?: Partial<Latency>;
  /** Idle time after which a connection is closed. Default 5 s, as measured. */
  readonly keepAliveMs?: number;
}

/** A running stand-in for Cognee, with its state in memory only. */
export interface CogneeStandIn extends Knobs {
  readonly url: string;
  readonly apiKey: string;
  readonly username: string;
  readonly password: string;
  readonly counts: CogneeCounts;
  /** The model fails at every document that holds the word, until it is cured of it. Default: its reply cannot be read. */
  poison(word: string, kind?: Poison): void;
  cure(word: string): void;
  /** The next call of a route is answered with a status, and nothing is done. */
  failNext(route: RouteName, status: number): void;
  /** The next call of a route loses its connection: before anything is done, or when all is done but the answer. */
  hangUp(route: RouteName, when: "before" | "after"): void;
  /** A dataset whose graph file is corrupted: what opens it fails, until it is mended, which no call can do. */
  breakDataset(id: string): void;
  mendDataset(id: string): void;
  /** Ends all logins. Keys stay. */
  endLogins(): void;
  /** Dies like a process that is killed: now, in the middle of whatever it does. Connections are refused until `restart`. */
  crash(): Promise<void>;
  /** Dies when work comes to a place, in the middle of it after so many documents (default 0). Resolves when it has. */
  crashAt(place: CrashPlace, afterDocuments?: number): Promise<void>;
  /** Starts again on the same port with what was on the disk. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** As measured: idle connections are closed after 5.0 s. */
const KEEP_ALIVE_MS = 5_000;

const NO_LATENCY: Latency = { callMs: 0, addDocumentMs: 0, cognifyDocumentMs: 0, updateMs: 0 };

/** Starts a server that behaves like cognee 1.6.5, or 1.5.2, towards a client, written from what was measured of the real ones. */
export async function startCogneeStandIn(options: CogneeStandInOptions): Promise<CogneeStandIn> {
  const { clock, version = "1.6.5", port = 0, keepAliveMs = KEEP_ALIVE_MS } = options;
  const knobs: Knobs = { modelAway: false, modelStatus: undefined, delayMs: 0 };
  const latency = { ...NO_LATENCY, ...options.latency };
  const machine = new Machine({ clock, ways: waysOf(version), knobs, latency, port, keepAliveMs });
  await machine.start();
  const { pranks, poison, signIn, store } = machine;
  const setBroken = (id: string, isBroken: boolean) => {
    const dataset = store.dataset(id);
    assert(dataset !== undefined, `there is no dataset ${id}`);
    dataset.isBroken = isBroken;
  };
  // The knobs that the server reads are those of the object that is given out.
  return Object.assign(knobs, {
    url: machine.url,
    apiKey: signIn.createKey("stand-in").key,
    username: signIn.username,
    password: signIn.password,
    counts: machine.counts,
    poison: (word: string, kind: Poison = "unreadable") => void poison.set(word, kind),
    cure: (word: string) => void poison.delete(word),
    failNext: (route: RouteName, status: number) => pranks.add(route, { kind: "fail", status }),
    hangUp: (route: RouteName, when: "before" | "after") => pranks.add(route, { kind: "hang-up", when }),
    breakDataset: (id: string) => setBroken(id, true),
    mendDataset: (id: string) => setBroken(id, false),
    endLogins: () => signIn.endLogins(),
    crash: () => machine.crash(),
    crashAt: (place: CrashPlace, afterDocuments = 0) => machine.crashAt(place, afterDocuments),
    restart: () => machine.start(),
    close: () => machine.crash(),
  });
}
