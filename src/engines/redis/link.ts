import { isIP } from "node:net";
import { Redis } from "ioredis";
import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Credentials, HostPort } from "../../redis-address.ts";
import { ServerError } from "./server-error.ts";

/**
 * How long a command may take. A healthy Redis answers in milliseconds; one that has not in 2 s hangs, and deliveries wait
 * behind it: it has to count as away, so that they go to the spill file.
 */
export const REDIS_COMMAND_MS = 2_000;
/** How often the deadline is looked at: one timer for all commands, not one each. A command gets up to one tick more. */
const TICK_MS = 250;
const DEADLINE_TICKS = REDIS_COMMAND_MS / TICK_MS;
/** Silence after which the server is asked for a sign of life: 5 s, or a link cut without a word would seem up for ever. */
const SILENT_TICKS = 20;
/** Commands under way at once: callers batch, so tens are usual; more than this and memory goes before the deadline helps. */
const UNDER_WAY_MAX = 10_000;

/** Of a server's refusal, what fits a log's line. */
const REFUSAL_LENGTH_MAX = 100;

/** What the server replies. Texts are bytes; what they mean is the script's affair. */
export type Reply = null | number | Buffer | readonly Reply[];

/** How a link is made. */
export interface LinkOptions extends Credentials {
  readonly server: HostPort;
  readonly db: number;
  readonly tls: boolean;
  readonly clock: Pick<Clock, "sleep">;
  /** Aborted = the link is ended at once, also while it is being made. */
  readonly signal: AbortSignal;
}

interface UnderWay {
  readonly sentAt: number;
  readonly fail: (fault: Fault) => void;
}

/**
 * One TCP connection to one server, for one life: commands go out and are answered in order, and when it ends, by either side or
 * because a reply is overdue, it ends for good and every command under way fails. A late reply can thus be taken for no other's.
 */
export class Link {
  /** Resolves with the reason when the link has ended. Never rejects. */
  readonly ended: Promise<string>;
  readonly #redis: Redis;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #underWay = new Set<UnderWay>();
  readonly #ending = new AbortController();
  readonly #tellEnd: (reason: string) => void;
  #reason: string | undefined;
  #socketError: string | undefined;
  /** Counts time in ticks, so that neither a jump of the clock nor a pause of this process looks like a silent server. */
  #ticks = 0;

  /** Connects and signs in. Throws Fault STORE_UNAVAILABLE with the reason as its detail. */
  static async open(options: LinkOptions): Promise<Link> {
    const link = new Link(options);
    const end = () => link.end("closed");
    options.signal.addEventListener("abort", end, { once: true });
    void link.ended.then(() => options.signal.removeEventListener("abort", end));
    if (options.signal.aborted) end();
    try {
      await link.#signIn(options);
      return link;
    } catch (error) {
      const detail = refusalOf(error);
      link.end(detail);
      throw new Fault("STORE_UNAVAILABLE", "connecting to Redis", { detail });
    }
  }

  private constructor({ server: { host, port }, tls, clock }: LinkOptions) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.#tellEnd = resolve;
    this.#clock = clock;
    this.#redis = new Redis({
      host,
      port,
      ...(tls ? { tls: isIP(host) === 0 ? { servername: host } : {} } : {}),
      lazyConnect: true,
      connectTimeout: REDIS_COMMAND_MS,
      // RESP2 is spoken by every version. Signing in is done here, so that the client keeps no password and prints nothing.
      protocol: 2,
      enableReadyCheck: false,
      disableClientInfo: true,
      // It connects once: when and where to again is decided above.
      retryStrategy: null,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      enableAutoPipelining: false,
    });
    this.#redis.on("error", (error: NodeJS.ErrnoException) => {
      this.#socketError ??= error.code ?? error.name;
    });
    this.#redis.on("end", () => this.end(this.#socketError ?? "connection lost"));
    void this.#watch();
  }

  get isUp(): boolean {
    return this.#reason === undefined;
  }

  /**
   * Sends a command behind those sent before. Throws ServerError when the server says no, Fault STORE_UNAVAILABLE when the link
   * ended first: the command may then have been done.
   */
  send(command: string, args: readonly (string | Buffer)[]): Promise<Reply> {
    // RESP2 decoded without text encoding holds nothing else: null, whole numbers, bytes, and lists of them.
    return this.#track(() => this.#redis.callBuffer(command, ...args) as Promise<Reply>);
  }

  /** Turns the link into one that only listens to these topics. Throws Fault STORE_UNAVAILABLE. */
  async listen(topics: readonly string[], onMessage: (topic: string, message: string) => void): Promise<void> {
    if (this.#redis.listenerCount("message") === 0) this.#redis.on("message", onMessage);
    await this.#track(() => this.#redis.subscribe(...topics));
  }

  /** Ends the link now; commands under way fail. Idempotent. */
  end(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#ending.abort();
    for (const { fail } of this.#underWay) fail(this.#goneFault(reason));
    this.#underWay.clear();
    this.#redis.disconnect();
    // `disconnect` alone says goodbye and waits for 2 s; a server that hangs answers none.
    this.#redis.stream?.destroy();
    this.#tellEnd(reason);
  }

  async #signIn({ username, password, db }: LinkOptions): Promise<void> {
    await this.#track(() => this.#redis.connect());
    const steps = [];
    if (password !== undefined)
      steps.push(this.send("auth", username === undefined ? [password] : [username, password]));
    if (db !== 0) steps.push(this.send("select", [String(db)]));
    for (const step of await Promise.allSettled(steps)) {
      // A password that nobody asks for (sentinels often have none) opens the door as well.
      const isNeedless =
        step.status === "rejected" && /without any password|no password is set/.test(String(step.reason));
      if (step.status === "rejected" && !isNeedless) throw step.reason;
    }
  }

  #track<Value>(ask: () => Promise<Value>): Promise<Value> {
    if (this.#reason !== undefined) return Promise.reject(this.#goneFault(this.#reason));
    if (this.#underWay.size >= UNDER_WAY_MAX) return Promise.reject(this.#goneFault("too many commands under way"));
    return new Promise((resolve, reject) => {
      const entry = { sentAt: this.#ticks, fail: reject };
      this.#underWay.add(entry);
      ask().then(
        (value) => {
          if (this.#underWay.delete(entry)) resolve(value);
        },
        (error: unknown) => {
          if (this.#underWay.has(entry)) this.#refuse(entry, error);
        },
      );
    });
  }

  #refuse(entry: UnderWay, error: unknown): void {
    // The client's own errors carry the command's arguments: only the server's line is taken from them.
    if (error instanceof Error && error.name === "ReplyError") {
      this.#underWay.delete(entry);
      // `fail` is a promise's reject, which takes any error.
      (entry.fail as (error: Error) => void)(new ServerError(error.message));
      return;
    }
    this.end(this.#socketError ?? "connection lost");
  }

  #goneFault(detail: string): Fault {
    return new Fault("STORE_UNAVAILABLE", "asking Redis", { detail });
  }

  /** Ends the link when the oldest command is overdue, and asks for a sign of life when nothing was said for long. */
  async #watch(): Promise<void> {
    const { signal } = this.#ending;
    let silent = 0;
    while (!signal.aborted) {
      await this.#clock.sleep(TICK_MS, signal).catch(() => undefined); // Ended.
      // Replies that lie in the socket already are read before anything is called overdue.
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) return;
      this.#ticks += 1;
      const [oldest] = this.#underWay;
      if (oldest !== undefined && this.#ticks - oldest.sentAt > DEADLINE_TICKS) return this.end("no reply in time");
      silent = oldest === undefined ? silent + 1 : 0;
      if (silent < SILENT_TICKS || !this.#isReady) continue;
      silent = 0;
      this.send("ping", []).catch(() => undefined); // Whoever says no is alive, and one that ended says so itself.
    }
  }

  get #isReady(): boolean {
    return this.#redis.status === "ready";
  }
}

/** Why a link could not be made. A plain ERR says nothing without its text, such as "max number of clients reached". */
function refusalOf(error: unknown): string {
  if (error instanceof ServerError)
    return error.word === "ERR" ? error.message.slice(0, REFUSAL_LENGTH_MAX) : error.word;
  return (error instanceof Fault ? error.detail : undefined) ?? "no connection";
}
