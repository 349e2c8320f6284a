import { Fault } from "../../faults.ts";

/** Answers that say "not from me, not now": the server we talk to is not, or no longer, the one that serves our slot. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "READONLY",
  "LOADING",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "MOVED",
  "ASK",
  "TRYAGAIN",
  "NOAUTH",
  "WRONGPASS",
]);
/** Answers that a person has to end: a wrong password, a user who may not. */
const SIGN_IN: ReadonlySet<string> = new Set(["NOAUTH", "WRONGPASS", "NOPERM"]);
/** Redis before 7 wraps what a command answered inside a script: `ERR Error running script … @user_script:3: -OOM command …`. */
const WRAPPED = /^ERR Error running script .*@user_script: ?\d+: -?(?=[A-Z]{3,}\b)([A-Z]+.*)$/s;

/** An error that the server answered, by its first word: `OOM`, `READONLY`, `ERR`. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly word: string;

  /** @param answer the server's line; what it repeats of our arguments is cut off. */
  constructor(answer: string) {
    const text = (WRAPPED.exec(answer)?.[1] ?? answer).replace(/,? with args beginning with:.*$/s, "");
    super(text);
    this.word = /^[A-Z]+(?=\s|$)/.exec(text)?.[0] ?? "ERR";
  }
}

/** True when the connection has to be made anew to find the server that is in charge. */
export function isElsewhere(error: ServerError): boolean {
  return ELSEWHERE.has(error.word);
}

/** True when it does not end by itself: the password or the user's rights are wrong. */
export function needsPerson(detail: string): boolean {
  return SIGN_IN.has(detail);
}

/** What a caller is told: a fault of the store, or the bug that it is (a script of ours that does not run). */
export function bad(error: ServerError, doing: string): Fault | ServerError {
  if (error.word === "ERR") return error;
  return new Fault(error.word === "WRONGTYPE" ? "STORE_INVALID" : "STORE_UNAVAILABLE", doing, { detail: error.word });
}

/** Where a MOVED answer points, when it names a place. */
export function movedTo(error: ServerError): { readonly host: string; readonly port: number } | undefined {
  const match = /^MOVED \d+ (.+):(\d{1,5})$/.exec(error.message);
  const [, host, port] = match ?? [];
  return host === undefined || port === undefined ? undefined : { host, port: Number(port) };
}
