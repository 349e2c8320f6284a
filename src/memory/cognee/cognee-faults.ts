import { z } from "zod";
import { Fault, type FaultCode } from "../../faults.ts";
import type { HttpFailure } from "../../http.ts";

/** A reply whose status says that the request failed, in what Cognee says of it that is no text of a customer. */
export class CogneeRefusal extends Error {
  override readonly name = "CogneeRefusal";
  readonly status: number;
  /** The class in brackets at the end of `detail`, the only word that machines can read; absent in most replies. */
  readonly errorClass: string | undefined;
  /** The whole message, for the few cases where it must be read. Never logged: it may quote what was sent. */
  readonly text: string;

  constructor(status: number, body: string) {
    const errorClass = errorClassOf(body);
    super(`HTTP ${status}${errorClass === undefined ? "" : ` ${errorClass}`}`);
    this.status = status;
    this.errorClass = errorClass;
    this.text = body;
  }
}

/** Where a refusal has text. What it says besides may be a list, or repeat what was sent. */
const refusalReply = z.object({ error: z.unknown().optional(), detail: z.unknown().optional() });
const ERROR_CLASS = /\[(\w{1,70}(?:Error|Exception))\]$/;
/** Where pydantic quotes the model's reply, and with it an account: to the end of the line, as it stands there escaped. */
const QUOTED_INPUT = /input_value=.*/g;

/**
 * Cognee's own class stands in a reply that has `detail` alone (measured, 1.6.5). Where `error` stands beside it, the text is anybody's: of a failed
 * call of the model, which quotes what the model said.
 */
function errorClassOf(body: string): string | undefined {
  const { error, detail } = partsOf(body) ?? {};
  return error === undefined && typeof detail === "string" ? ERROR_CLASS.exec(detail)?.[1] : undefined;
}

/** What Cognee says in its own words, as far as that can be told. */
function ownWords(body: string): string {
  const parts = partsOf(body);
  const texts = parts === undefined ? [body] : [parts.error, parts.detail];
  return texts
    .filter((text) => typeof text === "string")
    .join("\n")
    .replace(QUOTED_INPUT, "");
}

/** Undefined where the body is no JSON object. */
function partsOf(body: string): z.infer<typeof refusalReply> | undefined {
  try {
    return refusalReply.safeParse(JSON.parse(body)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * What Ladybug says when its files were torn by a crash: no call mends that dataset. The first three were met (1.6.5); the others stand beside them in
 * the library of the same version.
 */
const TORN_STORE =
  /Checksum verification failed|WAL file is corrupted|Database ID for temporary file|corrupted WAL (file|tail)|Found (a )?shadow file|database is corrupted|not a valid Lbug database file|Data corruption detected/i;

/** The fault that a refusal of the whole call means; that of one document is for its caller to see. */
export function faultOfRefusal(refusal: CogneeRefusal, doing: string): Fault {
  return new Fault(codeOf(refusal), doing, { cause: refusal, detail: refusal.message });
}

function codeOf({ status, errorClass, text }: CogneeRefusal): FaultCode {
  if (TORN_STORE.test(ownWords(text))) return "SINK_DAMAGED";
  // Of a dataset that is gone or another's, Cognee says 401 as well, or 403.
  if (errorClass === "UnauthorizedDataAccessError" || errorClass === "PermissionDeniedError") return "SINK_FORBIDDEN";
  if (status === 401) return "SINK_UNAUTHORIZED";
  if (status === 403) return "SINK_FORBIDDEN";
  if (status === 402) return "SINK_OVER_BUDGET";
  return "SINK_UNAVAILABLE";
}

const HTTP_DETAILS: Readonly<Record<HttpFailure["kind"], string>> = {
  timeout: "no reply in time",
  connection: "connection lost",
  network: "no connection",
  too_large: "reply too large",
  redirect: "a redirect",
};

/** The fault that a missing reply means. Whether the call was carried out is then unknown: Cognee goes on when its client hangs up. */
export function faultOfHttp(failure: HttpFailure, doing: string): Fault {
  const isAway = failure.kind !== "too_large" && failure.kind !== "redirect";
  const code = isAway ? "SINK_UNREACHABLE" : "SINK_UNAVAILABLE";
  return new Fault(code, doing, { cause: failure, detail: HTTP_DETAILS[failure.kind] });
}
