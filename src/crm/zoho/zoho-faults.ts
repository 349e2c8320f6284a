import { Fault, type FaultCode } from "../../faults.ts";
import type { HttpFailure } from "../../http.ts";
import { refusalIn } from "./wire.ts";

/** Zoho's own word for a refusal, kept as the cause of a fault. Holds names of columns and parameters, never values. */
export class ZohoRefusal extends Error {
  override readonly name = "ZohoRefusal";
  readonly status: number;
  readonly code: string;

  /** The column or parameter that it is about. */
  readonly place: string | undefined;
  /** The module that it is about, where Zoho names one. */
  readonly module: string | undefined;

  constructor(status: number, code: string, about: { readonly place?: string; readonly module?: string } = {}) {
    super(`HTTP ${status} ${code}${about.place === undefined ? "" : ` at ${about.place}`}`);
    this.status = status;
    this.code = code;
    this.place = about.place;
    this.module = about.module;
  }
}

/** A reply whose status says that the request failed. */
export interface FailedReply {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterMs: number | undefined;
}

/** Zoho's codes that mean more than their HTTP status does. */
const FAULT_BY_CODE: Readonly<Record<string, FaultCode>> = {
  OAUTH_SCOPE_MISMATCH: "CRM_SCOPE_MISSING",
  NO_PERMISSION: "CRM_FORBIDDEN",
  AUTHORIZATION_FAILED: "CRM_FORBIDDEN",
  TOO_MANY_REQUESTS: "CRM_RATE_LIMITED",
  RATE_LIMIT_EXCEEDED: "CRM_RATE_LIMITED",
  INTERNAL_ERROR: "CRM_UNAVAILABLE",
};

/** How Zoho writes its codes. Anything else might be a text, and a text might be a customer's. */
const CODE_PATTERN = /^[A-Z][A-Z0-9_]{1,59}$/;
/** Keys of `details` that hold a name, for the operator who must find the wrong column or parameter. */
const PLACE_KEYS = ["column_name", "api_name", "param_name", "json_path"] as const;
/** Only what looks like a name is kept, so that no value of a record gets into an error. */
const PLACE_PATTERN = /^[\w$.[\]-]{1,80}$/;

/** The fault that a failed reply means. */
export function faultOfReply(reply: FailedReply, doing: string): Fault {
  const refusal = refusalIn(reply.body);
  const code = refusal !== undefined && CODE_PATTERN.test(refusal.code) ? refusal.code : "without a code";
  const names = [...PLACE_KEYS, "module"].map((key) => nameIn(refusal?.details?.[key]));
  const module = names.pop();
  const place = names.find((name) => name !== undefined);
  const about = { ...(place === undefined ? {} : { place }), ...(module === undefined ? {} : { module }) };
  return new Fault(FAULT_BY_CODE[code] ?? codeOfStatus(reply.status), doing, {
    cause: new ZohoRefusal(reply.status, code, about),
    detail: `HTTP ${reply.status} ${code}`,
    ...(reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs }),
  });
}

function nameIn(value: unknown): string | undefined {
  return typeof value === "string" && PLACE_PATTERN.test(value) ? value : undefined;
}

const HTTP_DETAILS: Readonly<Record<HttpFailure["kind"], string>> = {
  timeout: "no reply in time",
  connection: "connection lost",
  network: "no connection",
  too_large: "reply too large",
  redirect: "a redirect",
};

/** The fault that a missing reply means. */
export function faultOfHttp(failure: HttpFailure, doing: string): Fault {
  switch (failure.kind) {
    case "timeout":
    case "connection":
    case "network":
      return new Fault("CRM_UNREACHABLE", doing, { cause: failure, detail: HTTP_DETAILS[failure.kind] });
    case "too_large":
      return new Fault("CRM_REPLY_INVALID", doing, { cause: failure, detail: HTTP_DETAILS[failure.kind] });
    case "redirect": // A gateway or sign-in page in between, not an answer about the request.
      return new Fault("CRM_UNAVAILABLE", doing, { cause: failure, detail: HTTP_DETAILS[failure.kind] });
  }
}

/** True when Zoho said that this access token is not (or no longer) good. It uses either code for a stale token. */
export function isStaleToken(reply: FailedReply): boolean {
  if (reply.status !== 401) return false;
  const code = refusalIn(reply.body)?.code;
  return code === undefined || code === "INVALID_TOKEN" || code === "AUTHENTICATION_FAILURE";
}

/** Zoho's code inside a fault made here; undefined for faults of other origin. */
export function refusalOf(fault: Fault): ZohoRefusal | undefined {
  return fault.cause instanceof ZohoRefusal ? fault.cause : undefined;
}

function codeOfStatus(status: number): FaultCode {
  if (status === 401) return "CRM_TOKEN_REVOKED";
  if (status === 403) return "CRM_FORBIDDEN";
  if (status === 408) return "CRM_UNREACHABLE";
  if (status === 429) return "CRM_RATE_LIMITED";
  return status >= 500 ? "CRM_UNAVAILABLE" : "CRM_REQUEST_REFUSED";
}
