import { assert } from "../../assert.ts";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import { type Random, systemRandom } from "../../random.ts";
import type { RedisAddress } from "../../redis-address.ts";
import { describeAddress } from "./describe-address.ts";
import type { Link, Reply } from "./link.ts";
import { LinkKeeper } from "./link-keeper.ts";
import { Locator } from "./locator.ts";
import { bad, isElsewhere, movedTo, ServerError } from "./server-error.ts";
import { Subscriptions } from "./subscriptions.ts";

export type { Reply } from "./link.ts";

/** Calls held back at most while a first connection or a reload of the scripts is under way. */
const HELD_MAX = 10_000;

/** Where a sentinel tells that another server is the master: `<name> <old host> <old port> <new host> <new port>`. */
const SWITCH_TOPIC = "+switch-master";

/** A script of the engine: its text, and the SHA-1 it is known by. */
export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
}

/**
 * One connection to the Redis in charge, shared by all callers; heals by itself, for ever. Calls made before the first try has
 * ended wait for it; afterwards a call without a connection fails at once. A call fails with Fault STORE_UNAVAILABLE when it was refused
 * for now (`detail` is the server's word, nothing was done), and also when its reply is overdue or the connection broke: it may then
 * have been done. With Fault STORE_INVALID when a key is not of the kind that this release keeps there.
 *
 * Calls reach the server in the order in which they were made. This holds also when the server has forgotten its scripts (SCRIPT
 * FLUSH): what comes after the forgotten one waits until all are loaded again, and the refused ones go first. Only a call that was under way
 * at that moment, and whose script another process loaded in the meantime, can be done before one that has to be repeated.
 */
export interface RedisConnection {
  readonly isConnected: boolean;
  /** Runs a script on the engine's one slot. */
  run(script: Script, args: readonly (string | Buffer)[]): Promise<Reply>;
  /** One plain command on a key of the engine's slot, or one without a key. Throws ServerError also when the server does not know it. */
  call(command: string, args: readonly (string | Buffer)[]): Promise<Reply>;
  /**
   * Told of each message on a topic (a channel in Redis's words), on a second connection that heals by itself; messages are lost while it does. Resolves when the
   * first try has ended, well or not.
   */
  subscribe(topic: string, onMessage: (message: string) => void): Promise<void>;
  /** Ends both connections at once; calls under way fail. Idempotent. */
  close(): Promise<void>;
}

/** What a connection is opened with. */
export interface ConnectionOptions {
  readonly address: RedisAddress;
  /** The only key of every script: the prefix with its hash tag, under which itself nothing is ever stored. */
  readonly key: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: Random;
  /** Loaded on each new connection before it counts as connected. */
  readonly scripts: readonly Script[];
}

interface Call {
  readonly command: string;
  readonly args: readonly (string | Buffer)[];
  readonly doing: string;
  readonly isScript: boolean;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** Begins to connect; never throws. */
export function openConnection(options: ConnectionOptions): RedisConnection {
  return new PipelinedConnection(options);
}

class PipelinedConnection implements RedisConnection {
  readonly #options: ConnectionOptions;
  readonly #closing = new AbortController();
  readonly #locator: Locator;
  readonly #keeper: LinkKeeper;
  readonly #subscriptions: Subscriptions;
  /** What a sentinel tells. */
  readonly #switches: Subscriptions;
  /** Calls that wait for the first try, or for the scripts; undefined = calls go out at once. */
  #held: Call[] | undefined = [];
  /** Calls that were refused because their script was forgotten, in order. */
  #forgotten: Call[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { address, key, clock, random = systemRandom } = options;
    const { signal } = this.#closing;
    const log = options.log.child({ redis: describeAddress(address) });
    this.#locator = new Locator({ address, key, clock, signal });
    const open = () => this.#locator.open();
    const kept = { open, clock, random, signal };
    this.#keeper = new LinkKeeper({ ...kept, log, prepare: (link) => this.#prepare(link) });
    this.#subscriptions = new Subscriptions(kept);
    const name = address.kind === "sentinel" ? address.name : undefined;
    this.#switches = new Subscriptions({ ...kept, open: () => this.#locator.openSentinel() });
    if (name !== undefined) void this.#switches.add(SWITCH_TOPIC, (message) => this.#followSwitch(name, message));
    void this.#keeper.tried.then(() => this.#release());
  }

  get isConnected(): boolean {
    return this.#keeper.link !== undefined;
  }

  run(script: Script, args: readonly (string | Buffer)[]): Promise<Reply> {
    return this.#ask("EVALSHA", [script.sha, "1", this.#options.key, ...args], `running ${script.name} on Redis`);
  }

  call(command: string, args: readonly (string | Buffer)[]): Promise<Reply> {
    return this.#ask(command, args, `asking Redis for ${command}`);
  }

  subscribe(topic: string, onMessage: (message: string) => void): Promise<void> {
    return this.#subscriptions.add(topic, onMessage);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#keeper.stopped(), this.#subscriptions.stopped(), this.#switches.stopped()]);
    this.#release();
  }

  #ask(command: string, args: readonly (string | Buffer)[], doing: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const call = { command, args, doing, isScript: command === "EVALSHA", resolve, reject };
      if (this.#held === undefined) this.#send(call);
      else if (this.#held.length < HELD_MAX) this.#held.push(call);
      else reject(new Fault("STORE_UNAVAILABLE", doing, { detail: "too many calls are waiting" }));
    });
  }

  #send(call: Call, isRepeated = false): void {
    const { doing, resolve, reject } = call;
    const link = this.#keeper.link;
    if (link === undefined) {
      reject(new Fault("STORE_UNAVAILABLE", doing, { detail: "not connected" }));
      return;
    }
    link.send(call.command, call.args).then(resolve, (error: unknown) => {
      if (!(error instanceof ServerError)) return reject(error instanceof Fault ? again(error, doing) : wrap(error));
      if (error.word === "NOSCRIPT" && call.isScript && !isRepeated) return this.#reload(link, call);
      if (isElsewhere(error)) this.#leave(link, error);
      reject(bad(error, doing));
    });
  }

  /** The server is not in charge (any more): another is looked for. */
  #leave(link: Link, error: ServerError): void {
    const server = movedTo(error);
    if (server !== undefined) this.#locator.hint(server);
    link.end(error.word);
  }

  /** A former master takes writes for seconds after it was replaced, and loses them: it is left at once. */
  #followSwitch(name: string, message: string): void {
    if (!message.startsWith(`${name} `)) return;
    this.#keeper.link?.end("the master changed");
    this.#subscriptions.restart("the master changed");
  }

  /** Loads the scripts again. Their replies come behind those of all calls under way, so by then every refused call is known. */
  #reload(link: Link, refused: Call): void {
    this.#forgotten.push(refused);
    if (this.#forgotten.length > 1) return;
    this.#held ??= [];
    this.#load(link).then(
      () => this.#release(),
      (error: unknown) => {
        if (error instanceof ServerError) link.end(error.word);
        this.#release();
      },
    );
  }

  /** Lets go of what was held back: to the server, or to its end when there is none. */
  #release(): void {
    const forgotten = this.#forgotten;
    const held = this.#held ?? [];
    this.#forgotten = [];
    this.#held = undefined;
    for (const call of forgotten) this.#send(call, true);
    for (const call of held) this.#send(call);
  }

  /** Makes sure that the server takes our commands, and knows our scripts. Throws Fault STORE_UNAVAILABLE. */
  async #prepare(link: Link): Promise<void> {
    const asked = [
      link.send("role", []).then(requireMaster, allowForbidden),
      // Nothing is stored under the key itself: while its slot moves away the answer is ASK, and so for each of our scripts.
      link.send("exists", [this.#options.key]),
      this.#load(link),
    ];
    for (const step of await Promise.allSettled(asked)) {
      if (step.status === "fulfilled") continue;
      if (!(step.reason instanceof ServerError)) throw step.reason;
      this.#leave(link, step.reason);
      throw bad(step.reason, "preparing a connection to Redis");
    }
  }

  async #load(link: Link): Promise<void> {
    const { scripts } = this.#options;
    const shas = await Promise.all(scripts.map(({ source }) => link.send("script", ["load", source])));
    scripts.forEach(({ name, sha }, index) => {
      assert(String(shas[index]) === sha, `the script ${name} has the SHA-1 that it is known by`);
    });
  }
}

function requireMaster(role: Reply): void {
  const kind = Array.isArray(role) ? String(role[0]) : "";
  if (kind !== "master") throw new ServerError("READONLY the server is no master");
}

/** Users of a managed service may not always ask. */
function allowForbidden(error: unknown): void {
  if (!(error instanceof ServerError && (error.word === "NOPERM" || error.word === "ERR"))) throw error;
}

function again(fault: Fault, doing: string): Fault {
  return new Fault(fault.code, doing, { cause: fault });
}

function wrap(error: unknown): Error {
  return error instanceof Error ? error : new Error("asking Redis", { cause: error });
}
