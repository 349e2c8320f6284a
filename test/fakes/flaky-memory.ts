import type { AccountKey } from "../../src/account.ts";
import type { Clock } from "../../src/clock.ts";
import { Fault } from "../../src/faults.ts";
import type { Memory, PutResult, RemoveResult } from "../../src/memory/memory.ts";

/** Switches that make a memory fail. Each may be thrown at any time; all are off at first. */
export interface FlakySwitches {
  /** While set, every call throws it (SINK_UNREACHABLE, SINK_UNAVAILABLE, …) before anything is done. */
  outage: Fault | undefined;
  /** Accounts whose documents fail, each with its own fault, while their neighbours are written. */
  readonly refused: Map<AccountKey, Fault>;
  /** Each call takes this long on the clock; 0 = at once. */
  delayMs: number;
  /** That many of the next puts and removes are done, but their answer is lost: they throw SINK_UNREACHABLE. */
  lostAnswers: number;
  /** Probes made, which a circuit's tests count. */
  probes: number;
}

/** A memory around another one that fails on demand, as a memory layer behind a network does. */
export type FlakyMemory = Memory & FlakySwitches;

/** Wraps `inner`; with all switches off the two cannot be told apart. */
export function flakyMemory(inner: Memory, deps: { readonly clock?: Clock } = {}): FlakyMemory {
  const arrive = async (signal: AbortSignal) => {
    signal.throwIfAborted();
    if (flaky.delayMs > 0) await deps.clock?.sleep(flaky.delayMs, signal);
    if (flaky.outage !== undefined) throw flaky.outage;
  };
  const answer = <T>(results: readonly T[]): readonly T[] => {
    if (flaky.lostAnswers === 0) return results;
    flaky.lostAnswers -= 1;
    throw new Fault("SINK_UNREACHABLE", "waiting for an answer that was lost");
  };
  const flaky: FlakyMemory = {
    kind: inner.kind,
    outage: undefined,
    refused: new Map(),
    delayMs: 0,
    lostAnswers: 0,
    probes: 0,
    put: async (requests, signal) => {
      await arrive(signal);
      const taken = requests.filter(({ document }) => !flaky.refused.has(document.account));
      const results = (await inner.put(taken, signal))[Symbol.iterator]();
      return answer(
        requests.map(({ document }): PutResult => {
          const fault = flaky.refused.get(document.account);
          return fault === undefined ? next(results) : { outcome: "failed", fault };
        }),
      );
    },
    remove: async (accounts, signal) => {
      await arrive(signal);
      const taken = accounts.filter(({ account }) => !flaky.refused.has(account));
      const results = (await inner.remove(taken, signal))[Symbol.iterator]();
      return answer(
        accounts.map(({ account }): RemoveResult => {
          const fault = flaky.refused.get(account);
          return fault === undefined ? next(results) : { outcome: "failed", fault };
        }),
      );
    },
    flush: async (signal, keeper) => {
      await arrive(signal);
      return inner.flush(signal, keeper);
    },
    search: async (query, options, signal) => {
      await arrive(signal);
      return inner.search(query, options, signal);
    },
    read: async (account, signal) => {
      await arrive(signal);
      return inner.read(account, signal);
    },
    list: async (options, signal) => {
      await arrive(signal);
      return inner.list(options, signal);
    },
    identity: async (signal) => {
      await arrive(signal);
      return inner.identity(signal);
    },
    probe: async (signal, wish) => {
      flaky.probes += 1;
      await arrive(signal);
      await inner.probe(signal, wish);
    },
    close: () => inner.close(),
  };
  return flaky;
}

function next<T>(results: Iterator<T>): T {
  const result = results.next();
  if (result.done) throw new Error("the inner memory answered fewer requests than it was given");
  return result.value;
}
