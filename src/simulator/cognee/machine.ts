import type { FastifyInstance } from "fastify";
import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import { openDoor, Pranks } from "./cognee-door.ts";
import { DatasetLocks } from "./dataset-locks.ts";
import { type CrashPlace, Life } from "./life.ts";
import type { Counting, Knobs, Latency, Poison } from "./server-process.ts";
import { SignIn } from "./sign-in.ts";
import { Store } from "./store.ts";
import type { Ways } from "./version-ways.ts";

/** What a machine is made with. */
export interface MachineOptions {
  readonly clock: Clock;
  readonly ways: Ways;
  readonly knobs: Knobs;
  readonly latency: Latency;
  readonly port: number;
  readonly keepAliveMs: number;
}

/** The machine that the server runs on: its disk stays, its process comes and goes. */
export class Machine {
  readonly store: Store;
  readonly signIn: SignIn;
  readonly pranks = new Pranks();
  readonly poison = new Map<string, Poison>();
  readonly counts: Counting = { calls: {}, runs: 0, documentsCognified: 0, documentsUpdated: 0, documentsAdded: 0 };
  readonly #options: MachineOptions;
  #port: number;
  #life: Life;
  /** Resolves when the present process, or the last one, has ended and given up its port. */
  #ended: Promise<void> = Promise.resolve();
  #isRunning = false;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#life = new Life(options.clock);
    this.signIn = new SignIn(options.clock);
    this.store = new Store(options.clock, this.signIn.username);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts a process, on the port of the first one. */
  async start(): Promise<void> {
    assert(!this.#isRunning, "the stand-in does not run yet");
    this.#isRunning = true;
    const { clock, ways, knobs, latency, keepAliveMs } = this.#options;
    const life = new Life(clock);
    const { store, signIn, poison, counts, pranks } = this;
    const locks = new DatasetLocks(life);
    const server = { clock, ways, store, signIn, life, locks, knobs, poison, latency, counts };
    const app = openDoor({ server, pranks, keepAliveMs });
    await app.listen({ host: "127.0.0.1", port: this.#port });
    this.#port = portOf(app);
    this.#life = life;
    this.#ended = life.died.then(async () => {
      await app.close();
      this.#isRunning = false;
    });
  }

  /** Ends the process where it is. */
  async crash(): Promise<void> {
    this.#life.end();
    await this.#ended;
  }

  /** Lets the process end at a place; resolves when it has. */
  async crashAt(place: CrashPlace, after: number): Promise<void> {
    this.#life.arm(place, after);
    await this.#ended;
  }
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  assert(address !== null && typeof address === "object", "the stand-in listens on a port");
  return address.port;
}
