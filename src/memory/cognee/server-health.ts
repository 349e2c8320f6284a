import { Fault } from "../../faults.ts";
import type { ProbeWish } from "../memory.ts";
import type { CogneeSession } from "./cognee-session.ts";
import { detailedHealthReply, healthReply } from "./cognee-wire.ts";
import { type Capabilities, capabilitiesOf, VERSION_MIN } from "./version-capabilities.ts";

/** What Cognee calls the model and what embeds. */
const MODEL_PARTS = ["llm_provider", "embedding_service"] as const;

/** What the server says of itself. */
export class ServerHealth {
  readonly #session: CogneeSession;
  #capabilities: Capabilities | undefined;
  #isModelAway = false;

  constructor(session: CogneeSession) {
    this.#session = session;
  }

  /** Asked once. Throws Fault SINK_UNREACHABLE, or SINK_UNAVAILABLE where the server is not ready or too old. */
  async assertUsable(signal: AbortSignal): Promise<void> {
    await this.capabilities(signal);
  }

  /** What its version can do. Throws as `assertUsable` does. */
  async capabilities(signal: AbortSignal): Promise<Capabilities> {
    this.#capabilities ??= await this.#ask(signal);
    return this.#capabilities;
  }

  /**
   * Throws the fault that stands in the way of work: also of the model, if that was what failed last or `isThorough`. The version may have
   * changed meanwhile.
   */
  async prove(signal: AbortSignal, { isThorough = false }: ProbeWish = {}): Promise<void> {
    this.#capabilities = await this.#ask(signal);
    if (isThorough || this.#isModelAway) await this.proveModel(signal);
  }

  /** Costs one call of the model and one embedding, and up to 30 s: asked after a failure, and by a thorough probe. Throws Fault SINK_MODEL_AWAY. */
  async proveModel(signal: AbortSignal): Promise<void> {
    const doing = "asking Cognee whether its model answers";
    const { json } = await this.#session.open("/health/detailed", doing, signal);
    const parsed = detailedHealthReply.safeParse(json);
    const away = MODEL_PARTS.filter((part) => (parsed.data?.components[part]?.status ?? "healthy") !== "healthy");
    this.#isModelAway = away.length > 0;
    if (this.#isModelAway) throw new Fault("SINK_MODEL_AWAY", doing, { detail: away.join(", ") });
  }

  async #ask(signal: AbortSignal): Promise<Capabilities> {
    const doing = "asking Cognee how it is";
    const { status, json } = await this.#session.open("/health", doing, signal);
    const parsed = healthReply.safeParse(json);
    const isCognee = parsed.success || status === 503; // It says 503 of itself while it is not ready.
    if (!isCognee)
      throw new Fault("SINK_UNAVAILABLE", doing, { detail: `HTTP ${status}, and no Cognee: is COGNEE_URL right?` });
    if (status !== 200 || !parsed.success) throw new Fault("SINK_UNAVAILABLE", doing, { detail: `HTTP ${status}` });
    const { version } = parsed.data;
    const capabilities = capabilitiesOf(version);
    if (capabilities !== undefined) return capabilities;
    throw new Fault("SINK_UNAVAILABLE", doing, { detail: `Cognee ${version}: ${VERSION_MIN} or newer is needed` });
  }
}
