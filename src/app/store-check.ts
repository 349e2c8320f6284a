import type { Config, RedisEngineConfig } from "../config/config.ts";
import type { StoreFinding } from "../engines/redis/judge-store.ts";
import { asFault, Fault } from "../faults.ts";
import type { Closeable } from "../lifecycle.ts";
import type { StoreServer } from "./engine.ts";
import type { AppDeps, Parts } from "./parts.ts";

/** How often a server that was away at the start is asked again. */
const ASK_EVERY_MS = 1_000;

/** The finding that REDIS_ALLOW_EVICTION is about. */
const EVICTION_CHECK = "eviction";

/** What the server's settings mean for events that were acknowledged. Throws Fault STORE_UNAVAILABLE. */
export async function examineStore(
  server: StoreServer,
  { isEvictionAllowed }: Pick<RedisEngineConfig, "isEvictionAllowed">,
): Promise<readonly StoreFinding[]> {
  const { judgeStore } = await import("../engines/redis/judge-store.ts"); // For processes on Redis only.
  const findings = judgeStore(await server.survey());
  return findings.map((finding) => {
    const isAllowed = isEvictionAllowed && finding.check === EVICTION_CHECK && finding.severity === "refuse";
    return isAllowed ? { ...finding, severity: "warn", detail: `${finding.detail} (REDIS_ALLOW_EVICTION)` } : finding;
  });
}

/** Begins the check of the server that a configuration names; undefined where the store is a file. Throws Fault STORE_UNSAFE. */
export async function checkServer(
  { engine }: Config,
  deps: Pick<AppDeps, "clock" | "log">,
  { server }: Pick<Parts, "server">,
): Promise<Closeable | undefined> {
  if (server === undefined || engine.kind === "embedded") return undefined;
  const check = new StoreCheck(() => examineStore(server, engine), deps);
  await check.start();
  return check;
}

/** Looks at the settings of a server once: at the start, or as soon as it is there. */
export class StoreCheck implements Closeable {
  readonly #examine: () => Promise<readonly StoreFinding[]>;
  readonly #deps: Pick<AppDeps, "clock" | "log">;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;

  constructor(examine: () => Promise<readonly StoreFinding[]>, deps: Pick<AppDeps, "clock" | "log">) {
    this.#examine = examine;
    this.#deps = deps;
  }

  /**
   * Says what may have to be changed. Throws Fault STORE_UNSAFE where the server can lose events by its settings; one that is
   * away is looked at when it comes back, and then ends nothing: what runs is better than what does not.
   */
  async start(): Promise<void> {
    const findings = await this.#ask();
    if (findings === undefined) {
      this.#running = this.#askLater();
      return;
    }
    this.#tell(findings);
    const refused = findings.filter(({ severity }) => severity === "refuse");
    if (refused.length === 0) return;
    throw new Fault("STORE_UNSAFE", "looking at the settings of Redis", {
      detail: refused.map(({ detail, todo }) => `${detail}; ${todo}`).join("; "),
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #askLater(): Promise<void> {
    const signal = this.#closing.signal;
    while (!signal.aborted) {
      await this.#deps.clock.sleep(ASK_EVERY_MS, signal).catch(() => undefined); // Closed.
      const findings = signal.aborted ? undefined : await this.#ask();
      if (findings !== undefined) return this.#tell(findings);
    }
  }

  /** Undefined while the server is away. */
  async #ask(): Promise<readonly StoreFinding[] | undefined> {
    try {
      return await this.#examine();
    } catch (error) {
      const fault = asFault(error, "looking at the settings of Redis");
      if (fault.code !== "STORE_UNAVAILABLE") throw fault;
      return undefined;
    }
  }

  #tell(findings: readonly StoreFinding[]): void {
    const { log } = this.#deps;
    for (const { check, severity, detail, todo } of findings) {
      if (severity === "ok") continue;
      log[severity === "refuse" ? "error" : "warn"]({ check, todo }, `Redis: ${detail}`);
    }
  }
}
