import { parseUuid } from "./identifiers.ts";
import { notUuid } from "./json-input.ts";
import { type CogneeReply, type Invalid, invalidRequest } from "./reply.ts";
import type { ServerProcess } from "./server-process.ts";
import { missing } from "./upload-form.ts";

/** One request whose sender is known. */
export interface Call {
  readonly server: ServerProcess;
  /** Segments of the path that stand for a name. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  header(name: string): string | undefined;
}

/** Does a call; refuses by throwing a Refusal. */
export type CallHandler = (call: Call) => Promise<CogneeReply>;

/** A segment of the path that must be a UUID. */
export function uuidParam(call: Call, name: string): string {
  return uuidOf(call.params[name] ?? "", ["path", name]);
}

/** A value of the query that must be there and be a UUID. */
export function uuidQuery(call: Call, name: string): string {
  const text = call.query.get(name);
  if (text === null) throw invalidRequest(missing(["query", name], null), null);
  return uuidOf(text, ["query", name]);
}

/** All values of the query under a name, each a UUID. */
export function uuidsQuery(call: Call, name: string): readonly string[] {
  return call.query.getAll(name).map((text, index) => uuidOf(text, ["query", name, index]));
}

/** A whole number of the query between bounds. */
export function integerQuery(
  call: Call,
  name: string,
  bounds: { readonly absent: number; readonly min: number; readonly max: number },
): number {
  const text = call.query.get(name);
  if (text === null) return bounds.absent;
  const loc = ["query", name];
  if (!/^-?\d+$/.test(text)) {
    const msg = "Input should be a valid integer, unable to parse string as an integer";
    throw invalidRequest({ type: "int_parsing", loc, msg, input: text }, null);
  }
  const value = Number(text);
  if (value >= bounds.min && value <= bounds.max) return value;
  const isLess = value < bounds.min;
  const msg = isLess
    ? `Input should be greater than or equal to ${bounds.min}`
    : `Input should be less than or equal to ${bounds.max}`;
  throw invalidRequest({ type: isLess ? "greater_than_equal" : "less_than_equal", loc, msg, input: text }, null);
}

function uuidOf(text: string, loc: Invalid["loc"]): string {
  const id = parseUuid(text);
  if (id === undefined) throw invalidRequest(notUuid(loc, text), null);
  return id;
}
