import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { RecordRef } from "../../src/account.ts";
import type { Random } from "../../src/random.ts";

/** One request for memhook, whoever made it. */
export interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What it is about, so that a delivery given up can be made good at the end. */
  readonly records: readonly RecordRef[];
  /** The ids of its events, where the sender gave them: acknowledged by the status alone. */
  readonly eventIds?: readonly string[];
}

/** What the sender remembers, independently of memhook: the campaign's truth about acknowledgements. */
export interface SenderLog {
  /** Every event id that stood in a 2xx reply. */
  readonly acknowledged: Set<string>;
  /** Records of deliveries that were given up without a 2xx. */
  readonly abandoned: RecordRef[];
  /** Requests, by how they ended: a status, `cut` when no whole reply came, `nobody` when no receiver was up. */
  readonly attempts: Record<string, number>;
  /** Deliveries sent again although they had been acknowledged. */
  repeats: number;
}

/** Sends deliveries as a real sender might: it may try again after a failure, or never, or repeat what was taken. */
export interface Sender {
  readonly log: SenderLog;
  /** Deliveries under way, waiting to be tried again included. */
  readonly underWay: number;
  send(delivery: Delivery): void;
  /** Resolves when no delivery is under way any more. */
  quiet(): Promise<void>;
}

/** Of the failed deliveries, the share that is tried again until it is taken; the others are given up. */
const RETRY_SHARE = 0.7;
/** Of the acknowledged deliveries, the share that is sent a second time. */
const REPEAT_SHARE = 0.05;
/** Waits between tries, at random up to this. */
const RETRY_MS_MAX = 600;
/** A sender's patience with one request. */
const REQUEST_MS_MAX = 5_000;

/** Makes a sender that posts where `url` says at the time, as a load balancer would; nowhere when there is none. */
export function createSender(options: { readonly url: () => string | undefined; readonly random: Random }): Sender {
  const { random } = options;
  const log: SenderLog = { acknowledged: new Set(), abandoned: [], attempts: {}, repeats: 0 };
  const underWay = new Set<Promise<void>>();

  async function run(delivery: Delivery): Promise<void> {
    while (!(await attempt(delivery))) {
      if (random.next() >= RETRY_SHARE) {
        log.abandoned.push(...delivery.records);
        return;
      }
      await sleep(random.next() * RETRY_MS_MAX);
    }
    if (random.next() < REPEAT_SHARE) {
      log.repeats += 1;
      await attempt(delivery);
    }
  }

  async function attempt(delivery: Delivery): Promise<boolean> {
    const url = options.url();
    const outcome = url === undefined ? NOBODY : await post(url, delivery);
    log.attempts[outcome.end] = (log.attempts[outcome.end] ?? 0) + 1;
    for (const eventId of outcome.eventIds) log.acknowledged.add(eventId);
    return outcome.isTaken;
  }

  return {
    log,
    get underWay() {
      return underWay.size;
    },
    send: (delivery) => {
      const running = run(delivery).finally(() => underWay.delete(running));
      underWay.add(running);
    },
    quiet: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

interface PostOutcome {
  readonly end: string;
  readonly isTaken: boolean;
  readonly eventIds: readonly string[];
}

/** No receiver is up. */
const NOBODY: PostOutcome = { end: "nobody", isTaken: false, eventIds: [] };

async function post(url: string, delivery: Delivery): Promise<PostOutcome> {
  try {
    const reply = await fetch(`${url}/webhooks/zoho`, {
      method: "POST",
      headers: delivery.headers,
      body: delivery.body,
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    });
    // A 2xx status is an acknowledgement even if its body is cut off.
    const isTaken = reply.status >= 200 && reply.status < 300;
    const text = await reply.text().catch(() => "");
    const eventIds = isTaken ? [...(delivery.eventIds ?? []), ...eventIdsIn(text)] : [];
    return { end: String(reply.status), isTaken, eventIds };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { end: "cut", isTaken: false, eventIds: [] };
  }
}

function eventIdsIn(text: string): readonly string[] {
  if (text === "") return [];
  const reply: unknown = JSON.parse(text);
  if (typeof reply !== "object" || reply === null || !("event_ids" in reply)) return [];
  return Array.isArray(reply.event_ids) ? reply.event_ids.map(String) : [];
}

/** A signed event of DESIGN §4 (b) about one record. */
export function signedEvent(
  secret: string,
  event: RecordRef & { readonly eventId: string; readonly operation: "create" | "update" | "delete" },
): Delivery {
  const body = JSON.stringify({
    event_id: event.eventId,
    event_type: event.operation,
    module: event.module,
    record_id: event.recordId,
  });
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  return {
    headers: { "content-type": "application/json", "x-zoho-signature": signature },
    body,
    records: [{ module: event.module, recordId: event.recordId }],
    eventIds: [event.eventId],
  };
}
