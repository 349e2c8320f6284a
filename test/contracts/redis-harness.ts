import type { Clock, ManualClock } from "../../src/clock.ts";
import { manualClock } from "../../src/clock.ts";
import { openRedisEngine, type RedisEngine } from "../../src/engines/redis/redis-engine.ts";
import { silentLog } from "../../src/log.ts";
import type { QueueOptions } from "../../src/queue/queue.ts";
import type { RedisAddress } from "../../src/redis-address.ts";
import { assertInvariants } from "../redis/invariants.ts";
import type { EngineHarness, StartEngine } from "./engine-harness.ts";

let stores = 0;

/**
 * Redis engines on one server, each test on keys of its own. A kill is played by turning away from an engine whose time has stopped:
 * it neither asks nor writes any more, and its connection is as the server sees a killed process until the kernel says otherwise.
 */
export function redisStarter(address: () => RedisAddress): StartEngine {
  return async (options) => startOn(address(), options);
}

async function startOn(address: RedisAddress, queue: QueueOptions): Promise<EngineHarness> {
  const clock = manualClock();
  stores += 1;
  const keyPrefix = `test-${process.pid}-${stores}`;
  const opened: RedisEngine[] = [];
  let life = mortal(clock);
  const open = async (of: Clock, workerName?: string) => {
    const name = workerName === undefined ? {} : { workerName };
    const engine = await openRedisEngine({ address, keyPrefix, clock: of, log: silentLog, queue, ...name });
    opened.push(engine);
    return engine;
  };
  const openWorker = async () => {
    life = mortal(clock);
    const engine = await open(life, "worker");
    await engine.acquireWorkerLock();
    return engine;
  };
  let worker = await openWorker();
  return {
    clock,
    get ports() {
      return worker;
    },
    crash: async () => {
      life.die();
      worker = await openWorker();
    },
    restart: async () => {
      await worker.close();
      worker = await openWorker();
    },
    beside: () => open(clock),
    close: async () => {
      for (const engine of opened) await engine.close();
      await assertInvariants(address, keyPrefix, clock.now());
    },
  };
}

/** The clock of one process: after its death no sleeper wakes. */
function mortal(clock: ManualClock): Clock & { readonly die: () => void } {
  let isDead = false;
  return {
    now: () => clock.now(),
    sleep: async (ms, signal) => {
      await clock.sleep(ms, signal);
      if (isDead) await new Promise(() => undefined);
    },
    die: () => {
      isDead = true;
    },
  };
}
