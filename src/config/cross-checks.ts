import type { Config } from "./config.ts";
import type { Environment, VariableName } from "./schema.ts";
import { signingStrength } from "./value-kinds.ts";

/** Something that keeps memhook from running: which variable, and what was expected. Never a value. */
export interface Problem {
  readonly name: string;
  readonly expected: string;
}

/** Something that works and that an operator should know. Never a value. */
export interface Warning {
  readonly name: string;
  readonly message: string;
}

/** Bytes from which a signing key is beyond guessing: Standard Webhooks asks for 24, a hexadecimal text has half a byte a character. */
const SECRET_BYTES_GOOD = 24;
const SECRET_CHARACTERS_GOOD = 32;
/** Characters from which a token is beyond guessing. */
const TOKEN_LENGTH_GOOD = 16;

const REDIS_ADDRESSES = ["REDIS_HOST", "REDIS_URL", "REDIS_CLUSTER_NODES"] as const satisfies readonly VariableName[];
/** What signing in to Zoho takes: all three or none. */
export const CREDENTIALS = ["ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"] as const;

/** What is wrong between variables that are right by themselves. `isSet` also knows those whose value was wrong. */
export function crossProblems(isSet: (name: VariableName) => boolean): readonly Problem[] {
  return [...zohoProblems(isSet), ...redisProblems(isSet), ...cogneeProblems(isSet)];
}

/** What `serve` and `sync` need besides; other commands work without it. Some but not all is a cross problem already. */
export function missingCredentials(values: Readonly<Record<string, string | undefined>>): readonly Problem[] {
  if (CREDENTIALS.some((name) => values[name] !== undefined)) return [];
  return CREDENTIALS.map((name) => ({ name, expected: "a value: this command signs in to Zoho" }));
}

/** True when some kind of delivery can be authenticated. */
export function canAuthenticate(webhook: Config["webhook"]): boolean {
  const { secrets, notificationToken, baseUrl } = webhook;
  return [secrets.current, secrets.previous, notificationToken, baseUrl].some((way) => way !== undefined);
}

/** What works and should be known. */
export function configWarnings(env: Environment, config: Config): readonly Warning[] {
  const warnings: Warning[] = [];
  const warn = (name: VariableName, message: string) => warnings.push({ name, message });
  for (const name of ["WEBHOOK_SECRET", "WEBHOOK_SECRET_PREVIOUS"] as const) {
    if (isWeakSecret(env[name])) warn(name, "shorter than recommended; memhook secrets generate makes a good one");
  }
  for (const name of ["ADMIN_TOKEN", "ZOHO_NOTIFICATION_TOKEN"] as const) {
    const token = env[name];
    if (token !== undefined && token.length < TOKEN_LENGTH_GOOD)
      warn(name, `shorter than ${TOKEN_LENGTH_GOOD} characters`);
  }
  if (config.webhook.isEnabled && !canAuthenticate(config.webhook)) {
    warn(
      "WEBHOOK_SECRET",
      "every delivery will be refused: no WEBHOOK_SECRET, ZOHO_NOTIFICATION_TOKEN or WEBHOOK_BASE_URL",
    );
  }
  if (config.engine.kind === "redis" && config.sink.kind === "embedded") {
    warn("DATA_DIR", "the embedded memory is one file: all workers on this Redis must share this folder");
  }
  if (env.WEBHOOK_SECRET_PREVIOUS_UNTIL !== undefined && env.WEBHOOK_SECRET_PREVIOUS === undefined) {
    warn("WEBHOOK_SECRET_PREVIOUS_UNTIL", "has no effect without WEBHOOK_SECRET_PREVIOUS");
  }
  if (env.WEBHOOK_SECRET_PREVIOUS !== undefined && env.WEBHOOK_SECRET_PREVIOUS_UNTIL === undefined) {
    warn("WEBHOOK_SECRET_PREVIOUS", "accepted for ever without WEBHOOK_SECRET_PREVIOUS_UNTIL");
  }
  if (env.WEBHOOK_SECRET !== undefined && env.WEBHOOK_SECRET === env.WEBHOOK_SECRET_PREVIOUS) {
    warn("WEBHOOK_SECRET_PREVIOUS", "is the same as WEBHOOK_SECRET: nothing was rotated");
  }
  return warnings;
}

/** True for a secret that is accepted although it could be stronger. */
export function isWeakSecret(secret: string | undefined): boolean {
  if (secret === undefined) return false;
  return (signingStrength(secret) ?? 0) < (secret.startsWith("whsec_") ? SECRET_BYTES_GOOD : SECRET_CHARACTERS_GOOD);
}

function zohoProblems(isSet: (name: VariableName) => boolean): readonly Problem[] {
  const missing = CREDENTIALS.filter((name) => !isSet(name));
  if (missing.length === CREDENTIALS.length) return [];
  const others = CREDENTIALS.filter((name) => isSet(name)).join(" and ");
  return missing.map((name) => ({ name, expected: `a value, because ${others} has one: all three or none` }));
}

function redisProblems(isSet: (name: VariableName) => boolean): readonly Problem[] {
  const addresses = REDIS_ADDRESSES.filter(isSet);
  const [first] = addresses;
  const problems: Problem[] = addresses
    .slice(1)
    .map((name) => ({ name, expected: `to be unset beside ${first}: one address only` }));
  if (isSet("REDIS_PASSWORD") && !isSet("REDIS_HOST") && !isSet("REDIS_CLUSTER_NODES")) {
    const expected = isSet("REDIS_URL")
      ? "to be unset beside REDIS_URL, which has its own password inside"
      : `one of ${REDIS_ADDRESSES.join(", ")} beside it, or to be unset`;
    problems.push({ name: "REDIS_PASSWORD", expected });
  }
  return problems;
}

/** What only the values tell: a database that the address has no place for. Values that are wrong by themselves are undefined. */
export function databaseProblems(values: Readonly<Record<string, string | undefined>>): readonly Problem[] {
  const db = values["REDIS_DB"];
  if (db === undefined || /^0+$/.test(db)) return [];
  if (values["REDIS_CLUSTER_NODES"] !== undefined) {
    return [{ name: "REDIS_DB", expected: "0, or to be unset: a cluster has one database only" }];
  }
  if (values["REDIS_URL"] !== undefined) {
    return [{ name: "REDIS_DB", expected: "to be unset beside REDIS_URL, which names its own database" }];
  }
  return [];
}

function cogneeProblems(isSet: (name: VariableName) => boolean): readonly Problem[] {
  if (!isSet("COGNEE_URL")) return [];
  const canSignIn = isSet("COGNEE_API_KEY") || (isSet("COGNEE_USERNAME") && isSet("COGNEE_PASSWORD"));
  if (canSignIn) return [];
  return [{ name: "COGNEE_API_KEY", expected: "a key, or COGNEE_USERNAME and COGNEE_PASSWORD, beside COGNEE_URL" }];
}
