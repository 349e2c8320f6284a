/** Values looked at in one line; a line that holds more is no line but a dump. */
const VALUES_MAX = 1_000;
/** Levels looked into; a ring of objects ends here. */
const DEPTH_MAX = 10;

const REDACTED = "[redacted]";
const CUT = "[cut]";

/** What the end of a name, in small letters and digits only, says of its value. Headers and variables are names too. */
const SECRET_NAME =
  /(token|secret|secretprevious|password|passphrase|signature|authorization|credential|cookie|apikey|privatekey|salt|redisurl)s?$/;
/** The start-up summary tells of a secret only whether there is one. */
const HARMLESS = new Set<unknown>(["set", "unset", true, false, null, undefined]);

/**
 * Fields as they may be written: whatever the name of a secret stands for is hidden, at any depth; an error is its code,
 * message and cause; and there is an end to it. What lies too deep or beyond the bound is left out, not let through.
 */
export function safeFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  let valuesLeft = VALUES_MAX;

  const members = (entries: Iterable<readonly [unknown, unknown]>, depth: number): Record<string, unknown> => {
    const safe: Record<string, unknown> = {};
    for (const [key, value] of entries) {
      const name = String(key);
      if (valuesLeft <= 0) {
        safe[CUT] = true;
        break;
      }
      safe[name] = isSecretName(name) && !HARMLESS.has(value) ? REDACTED : safeValue(value, depth);
    }
    return safe;
  };
  const items = (values: Iterable<unknown>, depth: number): unknown[] => {
    const safe: unknown[] = [];
    for (const value of values) {
      if (valuesLeft <= 0) {
        safe.push(CUT);
        break;
      }
      safe.push(safeValue(value, depth));
    }
    return safe;
  };
  const safeValue = (value: unknown, depth: number): unknown => {
    valuesLeft -= 1;
    if (typeof value !== "object" || value === null) return value;
    if (depth >= DEPTH_MAX) return CUT;
    if (value instanceof Error) return members(Object.entries(errorParts(value)), depth + 1);
    if (value instanceof Map) return members(value, depth + 1);
    if (Array.isArray(value) || value instanceof Set) return items(value, depth + 1);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if ("toJSON" in value && typeof value.toJSON === "function") return safeValue(value.toJSON(), depth + 1);
    return members(Object.entries(value), depth + 1);
  };
  return members(Object.entries(fields), 0);
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replace(/[^a-z0-9]/g, ""));
}

/** Code, message and cause of an error; the stack only of a bug, where it helps. */
function errorParts(error: Error): Readonly<Record<string, unknown>> {
  const code = "code" in error ? error.code : undefined;
  const isBug = code === "UNEXPECTED" || error.name === "AssertionBug" || error.name === "TypeError";
  return {
    name: error.name,
    code,
    message: error.message,
    cause: error.cause,
    ...(isBug ? { stack: error.stack } : {}),
  };
}
