import { createHash } from "node:crypto";
import type { Duties } from "../../duties.ts";
import { type Random, randomSecret, systemRandom } from "../../random.ts";
import type { RedisAddress } from "../../redis-address.ts";
import { type Engine, type EngineOptions, HISTORY_MS } from "../engine.ts";
import { openConnection } from "./connection.ts";
import { createCounters } from "./redis-counters.ts";
import { createLedger } from "./redis-ledger.ts";
import { createQueue } from "./redis-queue.ts";
import { createQueueView } from "./redis-queue-view.ts";
import { createChannelStore, createSealedStore } from "./redis-stores.ts";
import { ScriptTurn } from "./script-turn.ts";
import { SCRIPTS } from "./scripts.generated.ts";
import { type StoreSurvey, surveyStore } from "./survey.ts";
import { WorkBells } from "./work-bells.ts";

/** Events kept beyond the dedup window at most: some 100 MB of the server's memory. */
const HISTORY_ROWS = 500_000;
const OWNER_BYTES = 9;

/** What a Redis engine is opened with. */
export interface RedisEngineOptions extends EngineOptions {
  readonly address: RedisAddress;
  /** Begins every key. Holds no brace. */
  readonly keyPrefix: string;
  readonly random?: Random;
  /**
   * The process that this one succeeds when it is restarted: leases and duties of the same name are free at once, so no two
   * processes that live may share one. Absent = a name of its own.
   */
  readonly workerName?: string;
}

/** The ports on one Redis: single, Sentinel or Cluster. Any number of processes may claim. */
export interface RedisEngine extends Engine {
  isConnected(): boolean;
  /** What doctor looks at. Throws Fault STORE_UNAVAILABLE. */
  survey(): Promise<StoreSurvey>;
}

/** Opens the engine; resolves also while Redis is away, whose methods then throw Fault STORE_UNAVAILABLE until it is there. */
export async function openRedisEngine(options: RedisEngineOptions): Promise<RedisEngine> {
  const { address, clock, log, keyPrefix, random = systemRandom } = options;
  const prefix = `${keyPrefix}:{${keyPrefix}}`;
  const key = (name: string) => `${prefix}:${name}`;
  const connection = openConnection({ address, key: prefix, clock, log, random, scripts: Object.values(SCRIPTS) });
  const closing = new AbortController();
  const turn = new ScriptTurn(connection, clock);
  const bells = new WorkBells(turn, clock, closing.signal);
  await connection.subscribe(key("wake"), (lanes) => bells.ring(lanes));
  const counters = createCounters({ turn, clock, closing: closing.signal, key: key("counters") });
  const owner = ownerOf(options.workerName ?? randomSecret(OWNER_BYTES));
  const deps = {
    turn,
    clock,
    random,
    owner,
    options: options.queue,
    historyMs: options.historyMs ?? HISTORY_MS,
    historyRows: options.historyRows ?? HISTORY_ROWS,
  };
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      closing.abort();
      await counters.flush();
      await turn.close();
      await connection.close();
    })();
    return closed;
  };
  return {
    queue: createQueue(deps, bells, close),
    view: createQueueView(deps),
    ledger: createLedger(deps, key),
    counters,
    channels: createChannelStore(turn, key("channels")),
    sealed: createSealedStore(turn, key("sealed")),
    duties: createDuties(turn, owner),
    acquireWorkerLock: async () => {
      await turn.run(SCRIPTS["begin-worker"], [owner]);
      return true;
    },
    prove: async () => {
      await turn.run(SCRIPTS.prove, []);
    },
    isConnected: () => connection.isConnected,
    survey: () => surveyStore(connection, clock),
    close,
  };
}

function createDuties(turn: ScriptTurn, owner: string): Duties {
  const ask = async (name: string, leaseMs: number) =>
    Number(await turn.run(SCRIPTS["hold-duty"], [name, owner, String(leaseMs)])) === 1;
  return {
    hold: (name, leaseMs) => ask(name, leaseMs),
    release: async (name) => {
      await ask(name, 0);
    },
  };
}

/** Short, as it stands in every lease; and it tells a reader of the store nothing about paths. */
function ownerOf(name: string): string {
  return createHash("sha256").update(name).digest("base64url").slice(0, 12);
}
