/** One call as the endpoints see it, whatever carried it (a socket or a composite request). */
export interface ZohoRequest {
  readonly method: string;
  /** API version as in `/crm/v8/`: 2, 2.1, 3 … 8. */
  readonly version: number;
  /** Path segments behind the version, decoded. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Buffer;
  header(name: string): string | undefined;
}

/** An answer. Without `body` and `bytes` it is empty, as 204 and 304 are. */
export interface ZohoReply {
  /** API credits that the call cost; one when absent. */
  readonly credits?: number;
  readonly status: number;
  readonly body?: unknown;
  readonly bytes?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Particulars of an error, in Zoho's words. */
export type Details = Readonly<Record<string, unknown>>;

/** Thrown by an endpoint to refuse the call; becomes a flat error body, or one item of a batch. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: string;
  readonly details: Details;

  constructor(status: number, code: string, options: { message: string; details?: Details }) {
    super(options.message);
    this.status = status;
    this.code = code;
    this.details = options.details ?? {};
  }

  /** The error as Zoho writes it. */
  item(): Details {
    return { code: this.code, details: this.details, message: this.message, status: "error" };
  }
}

/** A 400 with a code, a message and details. */
export function badRequest(code: string, message: string, details: Details = {}): Refusal {
  return new Refusal(400, code, { message, details });
}

/** `INVALID_DATA` in its most usual wording. */
export function invalidData(details: Details, message = "invalid data"): Refusal {
  return badRequest("INVALID_DATA", message, details);
}

/** A successful JSON answer. */
export function ok(body: unknown, status = 200): ZohoReply {
  return { status, body };
}

/** 204 with an empty body: nothing found. */
export const NO_CONTENT: ZohoReply = { status: 204 };

/** 304 with an empty body: nothing changed since. */
export const NOT_MODIFIED: ZohoReply = { status: 304 };

/** A flat error. */
export function refused(refusal: Refusal): ZohoReply {
  return { status: refusal.status, body: refusal.item() };
}

/** The status of a batch: all good, all bad, or 207 when mixed. */
export function batchStatus(items: readonly { readonly status: string }[], goodStatus: number): number {
  const bad = items.filter((item) => item.status === "error").length;
  if (bad === 0) return goodStatus;
  return bad === items.length ? 400 : 207;
}
