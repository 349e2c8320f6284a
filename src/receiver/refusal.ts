/** Every way in which a delivery is refused. `code` is stable: senders and tests rely on it. */
export const REFUSALS = {
  malformed: { status: 400, title: "The body is not an event that memhook understands" },
  invalid_signature: { status: 401, title: "The delivery is not authenticated" },
  method_not_allowed: { status: 405, title: "Deliveries are posted" },
  too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body must be plain JSON in UTF-8" },
  unsupported_module: { status: 422, title: "Records of this module are not followed" },
  unsupported_event: { status: 422, title: "Events of this type are not known" },
  rate_limited: { status: 429, title: "Too many unauthenticated deliveries from this address" },
  queue_full: { status: 503, title: "The queue is full" },
  unavailable: { status: 503, title: "Deliveries cannot be stored at the moment" },
} as const satisfies Record<string, { status: number; title: string }>;

/** The stable code of a refusal. */
export type RefusalCode = keyof typeof REFUSALS;

/** The outcome "not taken". `detail` is one fixed sentence: it never repeats what the sender sent. */
export class Refusal {
  readonly code: RefusalCode;
  readonly detail: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: RefusalCode, detail: string, retryAfterSeconds?: number) {
    this.code = code;
    this.detail = detail;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The commonest refusal of content. */
export function malformed(detail: string): Refusal {
  return new Refusal("malformed", detail);
}

/** The refusal as an answer: a problem document (RFC 9457) and its headers. */
export function refusalReply(refusal: Refusal): IngestReply {
  const { status, title } = REFUSALS[refusal.code];
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (refusal.retryAfterSeconds !== undefined) headers["retry-after"] = String(refusal.retryAfterSeconds);
  if (refusal.code === "method_not_allowed") headers["allow"] = "POST";
  const type = `urn:memhook:problem:${refusal.code}`;
  return {
    status,
    headers,
    body: JSON.stringify({ type, title, status, detail: refusal.detail, code: refusal.code }),
  };
}

/** What is answered to a delivery. */
export interface IngestReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
