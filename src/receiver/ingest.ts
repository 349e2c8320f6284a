import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import { Fault } from "../faults.ts";
import type { Log } from "../log.ts";
import type { DeliveryResult, NewEvent, Queue } from "../queue/queue.ts";
import { createAddressLimiter } from "./address-limiter.ts";
import { type Authentication, type AuthenticatorDeps, createAuthenticator } from "./authenticate.ts";
import { isEventId } from "./event-id.ts";
import { exactValue, parseJson } from "./exact-json.ts";
import { isJsonRequest } from "./media-type.ts";
import { newEvent, type QueueingRules, touchesCriticalField } from "./new-event.ts";
import { countNamed, readEvents } from "./read-events.ts";
import { type IngestReply, malformed, Refusal, type RefusalCode, refusalReply } from "./refusal.ts";
import type { AnnouncedEvent } from "./vocabulary.ts";

/** Largest body taken. A callback names records and carries few values; Standard Webhooks advises 20 kB. */
export const BODY_BYTES_MAX = 1_048_576;
/** Failed authentications allowed at once from one address: room for a sender whose secret was just rotated. */
const FAILURES_BURST = 100;
/** Failed authentications allowed per second in the long run. */
const FAILURES_PER_SECOND = 2;
/** Asked of senders when we cannot store: an engine that restarts, or a full queue, needs some seconds. */
const RETRY_AFTER_SECONDS = 5;

/** What a delivery that is no callback is signed in. */
const SIGNATURE_HEADERS = ["x-zoho-signature", "x-webhook-signature", "x-signature", "webhook-signature"] as const;

/** Bounds that an embedder may set otherwise. */
export interface ReceiverLimits {
  readonly bodyBytesMax: number;
  readonly failuresBurst: number;
  readonly failuresPerSecond: number;
}

/** What taking deliveries needs. It calls nothing else. */
export interface IngestDeps extends AuthenticatorDeps, QueueingRules {
  readonly queue: Pick<Queue, "deliver">;
  readonly clock: Pick<Clock, "now">;
  readonly log: Pick<Log, "debug" | "info" | "warn" | "error" | "isDebug">;
  readonly counters: Pick<Counters, "add">;
  /** Modules whose events are taken, by API name. */
  readonly modules: ReadonlySet<string>;
  /** Unsettled events that the queue can hold: a delivery of more is refused before it costs memory. Absent = only the queue judges. */
  readonly capacity?: number | undefined;
  /** False = the channels' tokens were never read, so nobody is refused as a stranger. Absent = they are known. */
  readonly areTokensKnown?: (() => boolean) | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly limits?: Partial<ReceiverLimits> | undefined;
}

/** One request, read whole. */
export interface RawDelivery {
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
}

/** Takes deliveries; never throws. */
export interface Ingest {
  (delivery: RawDelivery): Promise<IngestReply>;
  /** The answer to a body that was too large to be read. */
  tooLarge(): IngestReply;
}

/** An authenticated delivery, ready for the queue. */
interface Judged {
  readonly kind: Authentication["kind"];
  readonly announced: readonly AnnouncedEvent[];
  /** The same events as the queue takes them. */
  readonly events: readonly NewEvent[];
}

/** An authenticated delivery of more events than the queue can ever hold. */
interface Crowd {
  readonly crowd: number;
}

type Taken = Extract<DeliveryResult, { outcome: "taken" }>;

const ACCEPTED_HEADERS = { "content-type": "application/json" } as const;

/** The receiver without its server: size, authenticity, media type, content, then one durable step. */
export function createIngest(deps: IngestDeps): Ingest {
  const tooLarge = new Refusal("too_large", `a body may have at most ${bodyBytesMaxOf(deps)} bytes`);
  const judge = createJudge(deps, tooLarge);
  const noteStoreHealth = createStoreHealth(deps);
  const retryAfterSeconds = deps.retryAfterSeconds ?? RETRY_AFTER_SECONDS;
  const queueFull = new Refusal("queue_full", "no event of this delivery was taken", retryAfterSeconds);

  async function ingest(delivery: RawDelivery): Promise<IngestReply> {
    const receivedAt = deps.clock.now();
    let eventCount = 1; // Unknown until the body was read: a refused delivery is at least one rejected event.
    try {
      const judged = judge(delivery, receivedAt);
      if (judged instanceof Refusal) return refuse(judged, eventCount);
      if ("crowd" in judged) return refuse(queueFull, judged.crowd);
      eventCount = judged.events.length;
      const result = await deps.queue.deliver(judged.events);
      noteStoreHealth(undefined);
      if (result.outcome === "full") return refuse(queueFull, eventCount);
      countCritical(deps, judged, result);
      const duplicates = result.events.reduce((count, fate) => (fate === "duplicate" ? count + 1 : count), 0);
      if (deps.log.isDebug) {
        const durationMs = deps.clock.now() - receivedAt;
        deps.log.debug({ outcome: "taken", kind: judged.kind, events: eventCount, duplicates, durationMs }, "delivery");
      }
      return acceptedReply(judged.events, duplicates);
    } catch (error) {
      noteStoreHealth(error);
      const seconds = error instanceof Fault ? Math.ceil((error.retryAfterMs ?? 0) / 1_000) : 0;
      const detail = "this delivery could not be stored; send it again";
      return refuse(new Refusal("unavailable", detail, Math.max(seconds, retryAfterSeconds)), eventCount);
    }
  }

  function refuse(refusal: Refusal, events: number): IngestReply {
    deps.counters.add({ ...countsOf(refusal.code), events_rejected: events });
    if (deps.log.isDebug) deps.log.debug({ outcome: refusal.code, detail: refusal.detail, events }, "delivery");
    return refusalReply(refusal);
  }

  return Object.assign(ingest, { tooLarge: () => refuse(tooLarge, 1) });
}

/** Counts the events that a critical field made urgent. The queue counts all the rest in its own step; this is for people. */
function countCritical(deps: IngestDeps, { announced }: Judged, result: Taken): void {
  let count = 0;
  for (const [index, fate] of result.events.entries()) {
    const event = announced[index]?.event;
    if (fate !== "duplicate" && event !== undefined && touchesCriticalField(event, deps)) count += 1;
  }
  if (count > 0) deps.counters.add({ events_critical: count });
}

/** Bytes of a body that are taken. */
export function bodyBytesMaxOf(deps: Pick<IngestDeps, "limits">): number {
  return deps.limits?.bodyBytesMax ?? BODY_BYTES_MAX;
}

/** All of a delivery's judgement that needs no store. Synchronous. */
function createJudge(
  deps: IngestDeps,
  tooLarge: Refusal,
): (delivery: RawDelivery, nowMs: number) => Judged | Crowd | Refusal {
  const authenticate = createAuthenticator(deps);
  const bodyBytesMax = bodyBytesMaxOf(deps);
  const limiter = createAddressLimiter({
    burst: deps.limits?.failuresBurst ?? FAILURES_BURST,
    perSecond: deps.limits?.failuresPerSecond ?? FAILURES_PER_SECOND,
  });

  function unauthenticated({ headers, remoteAddress }: RawDelivery, nowMs: number): Refusal {
    // Not yet known which tokens are good: our own trouble is never a 4xx.
    if (deps.areTokensKnown?.() === false && !SIGNATURE_HEADERS.some((name) => name in headers)) {
      const detail = "the tokens of channels cannot be read now; send it again";
      return new Refusal("unavailable", detail, deps.retryAfterSeconds ?? RETRY_AFTER_SECONDS);
    }
    const waitMs = limiter.spend(remoteAddress, nowMs);
    if (waitMs === 0) return new Refusal("invalid_signature", "no good token or signature vouches for this delivery");
    return new Refusal("rate_limited", "authenticated deliveries are not limited", Math.ceil(waitMs / 1_000));
  }

  return (delivery, nowMs) => {
    const { headers, body } = delivery;
    if (body.length > bodyBytesMax) return tooLarge;
    const authentication = authenticate({ headers, body, nowMs });
    // Always judged, also past the limit: an address may be a proxy with honest senders behind it.
    if (authentication === undefined) return unauthenticated(delivery, nowMs);
    deps.counters.add(AUTHENTICATED[authentication.kind][authentication.secret ?? "none"]);
    if (!isJsonRequest(headers)) {
      return new Refusal("unsupported_media_type", "send application/json in UTF-8, not compressed");
    }
    const exact = authentication.exact ?? readExactly(body);
    if (exact instanceof Refusal) return exact;
    const count = countNamed(exact.value);
    if (count > (deps.capacity ?? Number.POSITIVE_INFINITY)) return { crowd: count };
    const announced = readEvents(exact.value, deps.modules);
    if (announced instanceof Refusal) return announced;
    const { webhookId } = authentication;
    if (webhookId !== undefined && !isEventId(webhookId)) {
      return malformed("webhook-id must be 1 to 200 printable ASCII characters");
    }
    const arrival = { webhookId, receivedAt: nowMs };
    return { kind: authentication.kind, announced, events: announced.map((event) => newEvent(event, arrival, deps)) };
  };
}

/** Says one line when storing begins to fail and one when it works again, not one per delivery of an outage. */
function createStoreHealth(deps: Pick<IngestDeps, "log" | "counters">): (error: unknown) => void {
  let isTroubled = false;
  return (error) => {
    if (error === undefined) {
      if (isTroubled) deps.log.info({}, "deliveries are stored again");
      isTroubled = false;
    } else if (!(error instanceof Fault)) {
      deps.counters.add({ "faults:UNEXPECTED": 1 });
      deps.log.error({ error }, "a delivery met a bug and was refused");
    } else if (!isTroubled) {
      isTroubled = true;
      deps.log.warn({ error }, "deliveries cannot be stored and are refused");
    }
  };
}

/** Counts of an authenticated delivery, made once: this is the hot path. */
const AUTHENTICATED = {
  token: { none: authenticated("token"), current: authenticated("token"), previous: authenticated("token") },
  signature: {
    none: authenticated("signature"),
    current: authenticated("signature", "current"),
    previous: authenticated("signature", "previous"),
  },
  standard: {
    none: authenticated("standard"),
    current: authenticated("standard", "current"),
    previous: authenticated("standard", "previous"),
  },
} as const;

function authenticated(kind: string, secret?: string): Readonly<Record<string, number>> {
  return { deliveries: 1, [`auth:${kind}`]: 1, ...(secret === undefined ? {} : { [`auth_secret:${secret}`]: 1 }) };
}

/** Deliveries that were never authenticated are counted here, the others when they were. */
function countsOf(code: RefusalCode): Readonly<Record<string, number>> {
  const isUncounted = code === "too_large" || code === "invalid_signature" || code === "rate_limited";
  return { [`deliveries_refused:${code}`]: 1, ...(isUncounted ? { deliveries: 1 } : {}) };
}

function readExactly(body: Buffer): ReturnType<typeof exactValue> {
  const parsed = parseJson(body);
  return parsed === undefined
    ? malformed("the body must be JSON in UTF-8, nested at most 32 deep")
    : exactValue(parsed);
}

function acceptedReply(events: readonly NewEvent[], duplicates: number): IngestReply {
  const accepted = events.length - duplicates;
  const status = accepted === 0 ? "duplicate" : "accepted";
  const ids = JSON.stringify(events.map((event) => event.reason.eventId));
  const body = `{"status":"${status}","accepted":${accepted},"duplicates":${duplicates},"event_ids":${ids}}`;
  return { status: 200, headers: ACCEPTED_HEADERS, body };
}
