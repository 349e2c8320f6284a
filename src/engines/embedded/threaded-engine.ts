import { Worker } from "node:worker_threads";
import { systemClock, withTimeout } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import type { Lease } from "../../queue/queue.ts";
import type { Engine } from "../engine.ts";
import type { EmbeddedEngineOptions } from "./embedded-engine.ts";
import {
  type PortName,
  type ThreadCall,
  type ThreadResponse,
  type ThreadStart,
  unpackFault,
} from "./thread-messages.ts";

/** Longest that closing waits for the thread; a checkpoint of a large WAL on a slow disk takes seconds. */
const CLOSE_MS_MAX = 30_000;

/** Young objects of the thread are rows and messages of one turn; left alone, V8 lets them fill 100 MB before it looks. */
const YOUNG_GENERATION_MB = 16;

/** Calls that are worth a message of their own. Without it, thread and event loop wait for each other in turn under load. */
const CALLS_A_POST = 32;

/** As for the engine itself, but for the clock: it cannot cross, so a test shares its memory. */
export type ThreadedEngineOptions = Omit<EmbeddedEngineOptions, "clock"> & Pick<ThreadStart, "clockMemory">;

const NO_REASONS: Lease["reasons"] = [];

/** The thread's own file, compiled or not as this one is. */
const THREAD_FILE = new URL(
  import.meta.url.endsWith(".ts") ? "./engine-thread.ts" : "./engine-thread.js",
  import.meta.url,
);

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * The embedded engine in a thread of its own, for a process that serves: SQLite's work and its fsyncs leave the event loop
 * to the receiver and the processor. Same ports, same promises, on the system clock. Throws Fault STORE_UNAVAILABLE or
 * STORE_INVALID. A thread that dies takes the process with it, as a crash: what was not acknowledged is not lost.
 */
export async function openThreadedEngine(options: ThreadedEngineOptions): Promise<Engine> {
  const { log, ...start } = options;
  const worker = new Worker(THREAD_FILE, {
    workerData: start satisfies ThreadStart,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  const calls = new Calls(worker, log);
  try {
    await calls.ask("counters", "read", []); // The first answer means that the store is open.
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return portsOver(calls);
}

/** Calls under way, gathered by turns of the event loop. */
class Calls {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls: ThreadCall[] = [];
  #aborted: number[] = [];
  #lastId = 0;
  #isScheduled = false;
  #closing: Promise<void> | undefined;
  #hasEnded = false;

  constructor(worker: Worker, log: Log) {
    this.#worker = worker;
    worker.on("message", ({ replies, log: lines }: ThreadResponse) => {
      for (const { level, fields, message } of lines) log[level](fields, message);
      for (const reply of replies) {
        const waiting = this.#waiting.get(reply.id);
        this.#waiting.delete(reply.id);
        if (reply.outcome === "answered") waiting?.resolve(reply.value);
        else waiting?.reject(unpackFault(reply.fault));
      }
    });
    worker.once("exit", () => this.#end());
  }

  /** Calls a method and gives its answer. T is what that method of that port answers with, as its interface says. */
  ask<T>(port: PortName, method: string, args: readonly unknown[], signal?: AbortSignal): Promise<T> {
    if (this.#closing !== undefined || this.#hasEnded) {
      return Promise.reject(new Fault("STORE_UNAVAILABLE", `${method} after the store was closed`));
    }
    return this.#send<T>({ port, method, args }, signal);
  }

  /** Calls a method whose answer nobody needs. */
  tell(port: PortName, method: string, args: readonly unknown[]): void {
    if (this.#closing !== undefined || this.#hasEnded) return;
    this.#calls.push({ port, method, args });
    this.#schedule();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await withTimeout(systemClock, { ms: CLOSE_MS_MAX }, (signal) =>
        Promise.race([this.#send<void>({ port: "engine", method: "close", args: [] }), late(signal)]),
      );
    } finally {
      await this.#worker.terminate();
    }
  }

  #send<T>(call: Omit<ThreadCall, "id">, signal?: AbortSignal): Promise<T> {
    const id = ++this.#lastId;
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => this.#abort(id);
      signal?.addEventListener("abort", onAbort, { once: true });
      const settled = () => signal?.removeEventListener("abort", onAbort);
      this.#waiting.set(id, {
        resolve: (value) => {
          settled();
          resolve(value as T); // The thread answers with what the same method of the same port returned, hence with a T.
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      this.#calls.push({ ...call, id });
      this.#schedule();
    });
  }

  #abort(id: number): void {
    if (!this.#waiting.has(id)) return;
    this.#aborted.push(id);
    this.#schedule();
  }

  #schedule(): void {
    // A full post goes at once, so that the thread works while this turn goes on; the rest goes when the turn ends.
    if (this.#calls.length >= CALLS_A_POST) this.#post();
    if (this.#isScheduled || this.#calls.length + this.#aborted.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#post();
    });
  }

  #post(): void {
    if (this.#calls.length === 0 && this.#aborted.length === 0) return;
    this.#worker.postMessage({ calls: this.#calls, aborted: this.#aborted });
    this.#calls = [];
    this.#aborted = [];
  }

  #end(): void {
    this.#hasEnded = true;
    for (const { reject } of this.#waiting.values())
      reject(new Fault("STORE_UNAVAILABLE", "the engine's thread has ended"));
    this.#waiting.clear();
  }
}

function portsOver(calls: Calls): Engine {
  const close = () => calls.close();
  return {
    queue: {
      deliver: (events, options) => calls.ask("queue", "deliver", [events, options]),
      enqueue: (jobs) => calls.ask("queue", "enqueue", [jobs]),
      claim: (request) => calls.ask("queue", "claim", [request]),
      extend: (leases, leaseMs) => calls.ask("queue", "extend", [leases.map(slim), leaseMs]),
      settle: (settlements) =>
        calls.ask("queue", "settle", [settlements.map((one) => ({ ...one, lease: slim(one.lease) }))]),
      waitForWork: async (lane, maxMs, signal) => {
        if (signal.aborted) return;
        // A store that is gone brings no work; the next claim says what is wrong.
        await calls.ask("queue", "waitForWork", [lane, maxMs], signal).catch(onlyFaults);
      },
      close,
    },
    view: {
      stats: () => calls.ask("view", "stats", []),
      deadLetters: (wish) => calls.ask("view", "deadLetters", [wish]),
      deadLetter: (idOrKey) => calls.ask("view", "deadLetter", [idOrKey]),
      redrive: (selection) => calls.ask("view", "redrive", [selection]),
      purge: (selection) => calls.ask("view", "purge", [selection]),
      events: (eventId) => calls.ask("view", "events", [eventId]),
      jobs: (key) => calls.ask("view", "jobs", [key]),
    },
    ledger: {
      read: (accounts) => calls.ask("ledger", "read", [accounts]),
      intend: (intents) => calls.ask("ledger", "intend", [intents]),
      record: (outcomes) => calls.ask("ledger", "record", [outcomes]),
      markIndexed: (accounts) => calls.ask("ledger", "markIndexed", [accounts]),
      adopt: (entries) => calls.ask("ledger", "adopt", [entries]),
      forgetWritten: () => calls.ask("ledger", "forgetWritten", []),
      distrust: (accounts) => calls.ask("ledger", "distrust", [accounts]),
      inState: (state, limit) => calls.ask("ledger", "inState", [state, limit]),
      parents: (records) => calls.ask("ledger", "parents", [records]),
      children: (account, limit) => calls.ask("ledger", "children", [account, limit]),
      list: (wish) => calls.ask("ledger", "list", [wish]),
      totals: () => calls.ask("ledger", "totals", []),
    },
    counters: {
      add: (deltas) => calls.tell("counters", "add", [deltas]),
      read: () => calls.ask("counters", "read", []),
    },
    channels: {
      list: () => calls.ask("channels", "list", []),
      save: (channel) => calls.ask("channels", "save", [channel]),
      forget: (channelId) => calls.ask("channels", "forget", [channelId]),
    },
    sealed: {
      read: (name) => calls.ask("sealed", "read", [name]),
      write: (name, sealed) => calls.ask("sealed", "write", [name, sealed]),
    },
    duties: {
      hold: (name, leaseMs) => calls.ask("duties", "hold", [name, leaseMs]),
      release: (name) => calls.ask("duties", "release", [name]),
    },
    acquireWorkerLock: () => calls.ask("engine", "acquireWorkerLock", []),
    prove: () => calls.ask("engine", "prove", []),
    close,
  };
}

/** A lease as settling needs it: the engine has the reasons, so they need not cross again. */
function slim(lease: Lease): Lease {
  return { ...lease, reasons: NO_REASONS };
}

function onlyFaults(error: unknown): void {
  if (!(error instanceof Fault)) throw error;
}

/** Rejects when the signal is aborted. */
function late(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fault = () => reject(new Fault("STORE_UNAVAILABLE", "closing the store in time"));
    signal.addEventListener("abort", fault, { once: true });
  });
}
