import { assert } from "../../assert.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { RedisConnection, Reply, Script } from "./connection.ts";

/** Items of one call at most: some 5 ms of the server's time, so that no other caller waits long. */
const ITEMS_MAX = 500;
/** Bytes of one call at most. */
const BYTES_MAX = 262_144;

/** A script that answers many requests in one call. */
export interface SharedScript<Item> {
  readonly script: Script;
  /** Arguments between the time and the packed requests. */
  readonly settings: readonly string[];
  /** Makes one argument of all requests. */
  join(requests: readonly Buffer[]): Buffer;
  /** One answer per item, in order. */
  answers(reply: Reply): readonly Item[];
}

interface Request {
  readonly payload: Buffer;
  readonly items: number;
  readonly resolve: (answers: readonly unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What one call will carry: requests that share it, or one request of its own. */
interface Call {
  readonly now: string;
  readonly shared: SharedScript<unknown> | undefined;
  readonly requests: Request[];
  items: number;
  bytes: number;
  readonly send: () => void;
}

/**
 * Sends all that was asked in one turn of the event loop together, in the order of asking; consecutive requests of one shared script
 * make one call. Measured at 2.4 times the deliveries of a call each (docs/decisions/0012).
 */
export class ScriptTurn {
  readonly #connection: RedisConnection;
  readonly #clock: Clock;
  #calls: Call[] = [];
  #isScheduled = false;
  #isClosed = false;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(connection: RedisConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** Asks a shared script; resolves with one answer per item. Throws Fault STORE_UNAVAILABLE. */
  share<Item>(shared: SharedScript<Item>, payload: Buffer, items: number): Promise<readonly Item[]> {
    if (items === 0) return this.#isClosed ? Promise.reject(closedFault()) : Promise.resolve([]);
    return new Promise<readonly Item[]>((resolve, reject) => {
      const last = this.#calls.at(-1);
      const isRoomy = last?.shared === shared && last.items + items <= ITEMS_MAX && last.bytes < BYTES_MAX;
      const call = isRoomy && last !== undefined ? last : this.#open(shared);
      call.items += items;
      call.bytes += payload.length;
      // The answers come from this very script, so they are its items.
      const settle = resolve as (answers: readonly unknown[]) => void;
      call.requests.push({ payload, items, resolve: settle, reject });
    });
  }

  /** Runs a script with arguments of its own, behind what was asked before in this turn. Throws Fault STORE_UNAVAILABLE. */
  run(script: Script, args: readonly (string | Buffer)[]): Promise<Reply> {
    const now = this.#now();
    return this.#alone(() => this.#connection.run(script, [now, ...args]));
  }

  /** Runs a plain command, behind what was asked before in this turn. Throws Fault STORE_UNAVAILABLE. */
  command(name: string, args: readonly string[]): Promise<Reply> {
    return this.#alone(() => this.#connection.call(name, args));
  }

  /** Refuses what comes from now on, and waits for what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#flush();
    await Promise.allSettled(this.#underWay);
  }

  #alone(ask: () => Promise<Reply>): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      const send = () => this.#track(ask().then(resolve, reject));
      this.#push({ now: "", shared: undefined, requests: [], items: 1, bytes: 0, send });
    });
  }

  #open(shared: SharedScript<unknown>): Call {
    const requests: Request[] = [];
    const now = this.#now();
    const call: Call = { now, shared, requests, items: 0, bytes: 0, send: () => this.#sendShared(call, shared) };
    this.#push(call);
    return call;
  }

  #push(call: Call): void {
    if (this.#isClosed) throw closedFault();
    this.#calls.push(call);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    const calls = this.#calls;
    this.#calls = [];
    for (const call of calls) call.send();
  }

  #sendShared({ now, requests, items }: Call, { script, settings, join, answers }: SharedScript<unknown>): void {
    const fail = (error: unknown) => {
      for (const request of requests) request.reject(error);
    };
    const tell = (reply: Reply) => {
      const told = answers(reply);
      assert(told.length === items, `${script.name} answers each of its requests`);
      let from = 0;
      for (const request of requests) {
        request.resolve(told.slice(from, from + request.items));
        from += request.items;
      }
    };
    const packed = join(requests.map(({ payload }) => payload));
    this.#track(
      this.#connection
        .run(script, [now, ...settings, packed])
        .then(tell)
        .catch(fail),
    );
  }

  #track(work: Promise<unknown>): void {
    this.#underWay.add(work);
    void work.finally(() => this.#underWay.delete(work));
  }

  /** The server's own clock, one for all processes; a clock that was passed in rules instead, as tests need. */
  #now(): string {
    return this.#clock === systemClock ? "" : String(this.#clock.now());
  }
}

/** A text with one letter per item, as most scripts answer. */
export function letters(reply: Reply): readonly string[] {
  assert(Buffer.isBuffer(reply), "the script answers a text");
  return [...reply.toString("latin1")];
}

function closedFault(): Fault {
  return new Fault("STORE_UNAVAILABLE", "using a store that was closed");
}
