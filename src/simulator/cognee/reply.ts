/** An answer of the stand-in. `text` is sent as a file, anything else as JSON. */
export interface CogneeReply {
  readonly status: number;
  readonly body?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by a call to refuse it; holds the whole answer, because Cognee has five shapes of an error. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly body: unknown;
  /** The class of the server's own error, as its list of runs tells it. */
  readonly errorClass: string;

  constructor(status: number, body: unknown, errorClass = "Exception") {
    super(`refused with ${status}: ${JSON.stringify(body)}`);
    this.status = status;
    this.body = body;
    this.errorClass = errorClass;
  }
}

/** A successful answer. */
export function ok(body: unknown): CogneeReply {
  return { status: 200, body };
}

/** `{"detail": "<message> [<ErrorClass>]"}`: what most refusals look like; only the class in brackets is for programs. */
export function classRefusal(status: number, errorClass: string, message: string): Refusal {
  return new Refusal(status, { detail: `${message} [${errorClass}]` }, errorClass);
}

/** `{"error", "detail"}`: what add, cognify and update answer when they fail. */
export function errorRefusal(status: number, error: string, detail: string | null): Refusal {
  return new Refusal(status, { error, detail });
}

/** 500 in the shape of a call that fell over. */
export function internalError(detail: string): Refusal {
  return errorRefusal(500, "Internal server error", detail);
}

/** A dataset that is not there, or is somebody else's: the server does not tell these apart. */
export function forbidden(permission: "read" | "write" | "delete"): Refusal {
  const message = `Request owner does not have necessary permission: [${permission}] for all datasets requested.`;
  return classRefusal(403, "PermissionDeniedError", message);
}

/** One thing that request validation found wrong. */
export interface Invalid {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly input: unknown;
}

/** Request validation: 400 rather than the usual 422, and `body` repeats what was sent. */
export function invalidRequest(invalid: Invalid, sent: unknown): Refusal {
  return new Refusal(400, { detail: [invalid], body: sent });
}
