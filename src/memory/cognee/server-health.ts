import { Fault } from "../../faults.ts";
import type { CogneeSession } from "./cognee-session.ts";
import { detailedHealthReply, healthReply } from "./cognee-wire.ts";

/** The first release that tells which documents are in the index, and updates one in place. */
const VERSION_MIN = { major: 1, minor: 6 } as const;
/** What Cognee calls the model and what embeds. */
const MODEL_PARTS = ["llm_provider", "embedding_service"] as const;

/** What the server says of itself. */
export class ServerHealth {
  readonly #session: CogneeSession;
  #version: string | undefined;
  #isModelAway = false;

  constructor(session: CogneeSession) {
    this.#session = session;
  }

  /** Asked once. Throws Fault SINK_UNREACHABLE, or SINK_UNAVAILABLE where the server is not ready or too old. */
  async assertUsable(signal: AbortSignal): Promise<void> {
    this.#version ??= await this.#ask(signal);
  }

  /** Throws the fault that stands in the way of work: also of the model, if that was what failed last. The version may have changed meanwhile. */
  async prove(signal: AbortSignal): Promise<void> {
    this.#version = await this.#ask(signal);
    if (this.#isModelAway) await this.proveModel(signal);
  }

  /** Costs one call of the model and one embedding, and up to 30 s: asked after a failure only. Throws Fault SINK_MODEL_AWAY. */
  async proveModel(signal: AbortSignal): Promise<void> {
    const doing = "asking Cognee whether its model answers";
    const { json } = await this.#session.open("/health/detailed", doing, signal);
    const parsed = detailedHealthReply.safeParse(json);
    const away = MODEL_PARTS.filter((part) => (parsed.data?.components[part]?.status ?? "healthy") !== "healthy");
    this.#isModelAway = away.length > 0;
    if (this.#isModelAway) throw new Fault("SINK_MODEL_AWAY", doing, { detail: away.join(", ") });
  }

  async #ask(signal: AbortSignal): Promise<string> {
    const doing = "asking Cognee how it is";
    const { status, json } = await this.#session.open("/health", doing, signal);
    const parsed = healthReply.safeParse(json);
    if (status !== 200 || !parsed.success) throw new Fault("SINK_UNAVAILABLE", doing, { detail: `HTTP ${status}` });
    const { version } = parsed.data;
    const [major = 0, minor = 0] = version.split(".").map(Number);
    const isNew = major > VERSION_MIN.major || (major === VERSION_MIN.major && minor >= VERSION_MIN.minor);
    if (isNew) return version;
    const needed = `${VERSION_MIN.major}.${VERSION_MIN.minor}`;
    throw new Fault("SINK_UNAVAILABLE", doing, { detail: `Cognee ${version}: ${needed} or newer is needed` });
  }
}
