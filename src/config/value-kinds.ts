import { z } from "zod";
import { parseHostPort, parseRedisUrl } from "./parse-redis-url.ts";

/** Most entries of one list: more than any CRM has fields worth naming, few enough to be a configuration. */
const LIST_LENGTH_MAX = 500;
/** An API name of a module or field, as CRMs give them. */
const API_NAME = /^[A-Za-z][A-Za-z0-9_]{0,59}$/;
/** Shortest secret taken, in characters (of a decoded `whsec_…`: bytes). Shorter ones are guessed, not checked. */
const SECRET_LENGTH_MIN = 8;
/** Longest secret taken; beyond it somebody pasted a file. */
const SECRET_LENGTH_MAX = 1_024;

const expectations = z.registry<{ readonly expected: string }>();

/** What a value of the schema has to be, in words for people; both the problem's text and the reference's. */
export function expectedOf(schema: z.ZodType): string {
  const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  return (inner instanceof z.ZodType ? expectations.get(inner)?.expected : undefined) ?? "text";
}

/** A kind of value: text in; `parse` gives the value, or undefined when the text is none of the kind. */
function kind<Value>(expected: string, parse: (text: string) => Value | undefined) {
  const schema = z.string().transform((text, context): Value => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  });
  return schema.register(expectations, { expected });
}

/** Any text of a sane length. */
export function text(expected: string, length = { min: 1, max: 4_096 }) {
  return kind(expected, (value) => (within(value.length, length) === undefined ? undefined : value));
}

/** The name of a dataset: Cognee takes other signs, and then fails at each later use. */
export function datasetName() {
  return kind("up to 100 letters, digits, _ and -", (value) => (/^[\w-]{1,100}$/.test(value) ? value : undefined));
}

/** True or false. */
export function flag() {
  const words: Readonly<Record<string, boolean>> = {
    true: true,
    "1": true,
    yes: true,
    false: false,
    "0": false,
    no: false,
  };
  return kind("true or false (also 1, 0, yes, no)", (value) => {
    const word = value.toLowerCase();
    return Object.hasOwn(words, word) ? words[word] : undefined;
  });
}

/** A whole number within bounds. */
export function wholeNumber(range: { readonly min: number; readonly max: number }) {
  return kind(`a whole number from ${range.min} to ${range.max}`, (value) =>
    /^\d{1,15}$/.test(value) ? within(Number(value), range) : undefined,
  );
}

/** A duration given in seconds, fractions allowed; the value is in milliseconds. */
export function seconds(range: { readonly min: number; readonly max: number }) {
  return kind(`seconds, a number from ${range.min} to ${range.max}`, (value) => {
    const number = /^\d{1,12}(\.\d{1,6})?$/.test(value) ? within(Number(value), range) : undefined;
    return number === undefined ? undefined : Math.round(number * 1_000);
  });
}

/** One word of a list. */
export function oneOf<const Word extends string>(words: readonly Word[]) {
  return kind(`one of ${words.join(", ")}`, (value) => words.find((word) => word === value.toLowerCase()));
}

/** Scheme, host and port of a server, nothing behind them. Clear text is for this machine only. */
export function origin() {
  return kind(
    "an origin such as https://host or https://host:port, without a path (http only on loopback)",
    (value) => {
      const url = URL.canParse(value) ? new URL(value) : undefined;
      if (url === undefined || url.username !== "" || url.password !== "" || url.hostname === "") return undefined;
      // The text is looked at as well: URL drops an empty query or fragment without a trace.
      if (url.pathname !== "/" || /[?#\s]/.test(value)) return undefined;
      if (url.protocol === "https:") return url.origin;
      return url.protocol === "http:" && isLoopback(url.hostname) ? url.origin : undefined;
    },
  );
}

/** A secret that keys signatures: plain text, or `whsec_` and base64. */
export function signingSecret() {
  const expected = `at least ${SECRET_LENGTH_MIN} characters, or whsec_ and the base64 of at least ${SECRET_LENGTH_MIN} bytes`;
  return kind(expected, (value) => {
    const strength = signingStrength(value);
    return strength !== undefined && strength >= SECRET_LENGTH_MIN && value.length <= SECRET_LENGTH_MAX
      ? value
      : undefined;
  });
}

/** How long a signing secret's key is, in bytes; undefined when its base64 is wrong. */
export function signingStrength(secret: string): number | undefined {
  if (!secret.startsWith("whsec_")) return Buffer.byteLength(secret);
  const encoded = secret.slice("whsec_".length);
  const isBase64 = encoded.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(encoded);
  return isBase64 ? Buffer.from(encoded, "base64").length : undefined;
}

/** A secret that is shown as it is, such as a bearer token. */
export function token(lengthMax = SECRET_LENGTH_MAX) {
  const expected = `${SECRET_LENGTH_MIN} to ${lengthMax} visible ASCII characters`;
  return kind(expected, (value) =>
    /^[\x21-\x7e]+$/.test(value) && value.length >= SECRET_LENGTH_MIN && value.length <= lengthMax ? value : undefined,
  );
}

/** A point in time; without an offset it is UTC. The value is epoch milliseconds. */
export function instant() {
  const dateTime = z.iso.datetime({ offset: true, local: true });
  return kind("an ISO 8601 time such as 2026-12-31T18:00:00Z", (value) => {
    const full = z.iso.date().safeParse(value).success ? `${value}T00:00:00Z` : value;
    if (!dateTime.safeParse(full).success) return undefined;
    return Date.parse(/(Z|[+-]\d{2}:\d{2})$/.test(full) ? full : `${full}Z`);
  });
}

/** Field names, each normalised to `Module.Field`; a bare name is a field of Accounts. `none` is the empty list. */
export function fieldNames() {
  return kind("field names, comma-separated: Field (of Accounts) or Module.Field; or none", (value) =>
    value.toLowerCase() === "none" ? [] : listOf(value, qualifiedField),
  );
}

/** Custom modules with the lookup field that names their account: `Projects:Account_Name,…`. */
export function customModules() {
  return kind("modules with their lookup to the account, comma-separated, as in Projects:Account_Name", (value) =>
    listOf(value, (entry) => {
      const [module, accountField, ...rest] = entry.split(":").map((part) => part.trim());
      if (module === undefined || accountField === undefined || rest.length > 0) return undefined;
      return API_NAME.test(module) && API_NAME.test(accountField) ? { module, accountField } : undefined;
    }),
  );
}

/** A bound on how much may be forgotten: a share of what is known, or a count. */
export function deleteLimit() {
  return kind("a share from 0% to 100%, or a whole number of accounts", (value) => {
    const share = /^(\d{1,3}(?:\.\d{1,3})?)\s*%$/.exec(value)?.[1];
    if (share !== undefined)
      return Number(share) <= 100 ? { kind: "share" as const, share: Number(share) / 100 } : undefined;
    return /^\d{1,9}$/.test(value) ? { kind: "count" as const, count: Number(value) } : undefined;
  });
}

/** Five fields of a cron schedule, checked for their ranges; names of months and days are not taken. */
export function cron() {
  const ranges = [
    { min: 0, max: 59 },
    { min: 0, max: 23 },
    { min: 1, max: 31 },
    { min: 1, max: 12 },
    { min: 0, max: 7 },
  ];
  return kind("five cron fields: minute hour day month weekday, in numbers", (value) => {
    const fields = value.split(/\s+/);
    if (fields.length !== ranges.length) return undefined;
    return ranges.every((range, index) => isCronField(fields[index] ?? "", range)) ? fields.join(" ") : undefined;
  });
}

/** Servers as `host:port`, comma-separated. */
export function hostPorts() {
  return kind("servers, comma-separated, as in host:6379", (value) => listOf(value, (entry) => parseHostPort(entry)));
}

/** The address of a Redis server, or of the sentinels that know one. */
export function redisUrl() {
  const forms = "redis://[user:password@]host[:port][/db], rediss://… or";
  return kind(`${forms} redis+sentinel://[user:password@]host:port,host:port/<master>[/db]`, parseRedisUrl);
}

/** What begins the keys: braces would move them between the slots of a cluster. */
export function keyPrefix() {
  return kind("up to 50 characters without braces and blanks", (value) =>
    /^[^{}\s]{1,50}$/.test(value) ? value : undefined,
  );
}

function within(value: number, range: { readonly min: number; readonly max: number }): number | undefined {
  return value >= range.min && value <= range.max ? value : undefined;
}

/** True for names and addresses that cannot leave this machine. */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** The list's entries, each parsed; undefined as soon as one is wrong or the list is empty or too long. */
function listOf<Value>(value: string, parse: (entry: string) => Value | undefined): readonly Value[] | undefined {
  const entries = value
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  if (entries.length === 0 || entries.length > LIST_LENGTH_MAX) return undefined;
  const parsed = entries.map(parse).filter((entry) => entry !== undefined);
  return parsed.length === entries.length ? parsed : undefined;
}

function qualifiedField(entry: string): string | undefined {
  const parts = entry.split(".");
  if (parts.length > 2 || !parts.every((part) => API_NAME.test(part))) return undefined;
  return parts.length === 2 ? entry : `Accounts.${entry}`;
}

function isCronField(field: string, range: { readonly min: number; readonly max: number }): boolean {
  return field.split(",").every((part) => {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
    if (match === null) return false;
    const [, from, to, step] = match;
    const isInRange = (text: string | undefined) => text === undefined || within(Number(text), range) !== undefined;
    return (
      isInRange(from) &&
      isInRange(to) &&
      (to === undefined || Number(from) <= Number(to)) &&
      step !== "0" &&
      step !== "00"
    );
  });
}
