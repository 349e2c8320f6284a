/**
 * What to do with work that met a fault:
 * `backoff` spends an attempt and tries later; `never` goes to the dead letters at once;
 * `pause` opens the dependency's circuit and gives the attempt back.
 */
export type Retry = "backoff" | "never" | "pause";

/** Every operating failure memhook knows, in one table. `docs/errors.md` is generated from it. */
export const catalogue = {
  CRM_UNREACHABLE: { retry: "pause", summary: "the CRM did not answer (network, DNS, TLS or time-out)" },
  CRM_UNAVAILABLE: { retry: "pause", summary: "the CRM answered with a server error" },
  CRM_RATE_LIMITED: { retry: "pause", summary: "the CRM asked us to slow down, or the day's credits are spent" },
  CRM_TOKEN_THROTTLED: { retry: "pause", summary: "the CRM's sign-in asked us to wait before the next access token" },
  CRM_TOKEN_REVOKED: { retry: "pause", summary: "the CRM refresh token or client no longer works" },
  CRM_SCOPE_MISSING: { retry: "pause", summary: "the CRM refresh token lacks a scope that is needed" },
  CRM_FORBIDDEN: { retry: "pause", summary: "the CRM user may not read this module" },
  CRM_REQUEST_REFUSED: { retry: "never", summary: "the CRM refused the request as wrong" },
  CRM_REPLY_INVALID: { retry: "backoff", summary: "the CRM's reply does not have the documented shape" },
  CRM_READ_FAILED: { retry: "backoff", summary: "this account could not be read although the CRM answers" },
  SINK_UNREACHABLE: { retry: "pause", summary: "the memory layer did not answer" },
  SINK_UNAVAILABLE: {
    retry: "pause",
    summary: "the memory layer answered with a server error, or its store is locked",
  },
  SINK_UNAUTHORIZED: { retry: "pause", summary: "the memory layer does not know our key or password" },
  SINK_FORBIDDEN: { retry: "pause", summary: "the memory layer does not let our user write this dataset" },
  SINK_OVER_BUDGET: { retry: "pause", summary: "the budget for the memory layer's model is spent" },
  SINK_MODEL_AWAY: { retry: "pause", summary: "the model behind the memory layer does not answer" },
  SINK_DAMAGED: {
    retry: "pause",
    summary: "the memory layer's store of this dataset is damaged, and a person must mend it",
  },
  SINK_BUSY: { retry: "pause", summary: "the memory layer is indexing, and takes no writes for long" },
  SINK_ACCOUNT_DAMAGED: {
    retry: "pause",
    summary: "the memory layer's store of this account's dataset is damaged, and a person must mend it",
  },
  SINK_REFUSED: { retry: "never", summary: "the memory layer refused this document" },
  SINK_WRITE_FAILED: { retry: "backoff", summary: "this document could not be written while its neighbours could" },
  SINK_MISMATCH: { retry: "pause", summary: "the ledger speaks of another memory than the one that is set here" },
  DOCUMENT_INVALID: { retry: "never", summary: "the snapshot could not be rendered as a document" },
  REASON_INVALID: { retry: "never", summary: "the stored reason of a job does not have the expected shape" },
  WORKER_LOST: { retry: "never", summary: "every worker that took this job ended before it settled it" },
  STORE_UNAVAILABLE: {
    retry: "pause",
    summary: "the engine's store cannot be read or written (disk full, locked, gone; Redis away)",
  },
  STORE_INVALID: {
    retry: "pause",
    summary: "the store is damaged, or of a version or shape that this release does not know",
  },
  STORE_IN_USE: { retry: "never", summary: "another memhook process works on the same DATA_DIR" },
  STORE_UNSAFE: {
    retry: "never",
    summary: "the store's server is set, or too old, so that acknowledged events can be lost",
  },
  PORT_UNAVAILABLE: { retry: "never", summary: "the address cannot be listened on (in use, or not allowed)" },
  CONFIG_INVALID: { retry: "never", summary: "the configuration is wrong; each problem is named" },
  UNEXPECTED: { retry: "backoff", summary: "a bug; see the cause" },
} as const satisfies Record<string, { retry: Retry; summary: string }>;

/** The stable code of a fault. */
export type FaultCode = keyof typeof catalogue;

/** Details of one occurrence. */
export interface FaultOptions {
  readonly cause?: unknown;
  /** Floor, in milliseconds, for the next try (a `Retry-After`). */
  readonly retryAfterMs?: number;
  /** The vendor's own word for it, as in "HTTP 400 INVALID_QUERY": status and code, never a text. Default: that of a fault that is the cause. */
  readonly detail?: string;
}

/** An expected operating failure: a code, what was being done, and how to retry. Never carries payloads or secrets. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly code: FaultCode;
  readonly retry: Retry;
  readonly retryAfterMs: number | undefined;
  readonly detail: string | undefined;

  /** @param doing what was being done, as in "reading accounts"; no customer data, no secret. */
  constructor(code: FaultCode, doing: string, options: FaultOptions = {}) {
    const detail = options.detail ?? (options.cause instanceof Fault ? options.cause.detail : undefined);
    const suffix = detail === undefined ? "" : ` (${detail})`;
    super(
      `${doing}: ${catalogue[code].summary}${suffix}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.retry = catalogue[code].retry;
    this.retryAfterMs = options.retryAfterMs;
    this.detail = detail;
  }
}

/** The fault as it is, or anything else wrapped as UNEXPECTED, so that one function can act on it. */
export function asFault(error: unknown, doing: string): Fault {
  return error instanceof Fault ? error : new Fault("UNEXPECTED", doing, { cause: error });
}
