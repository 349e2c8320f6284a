import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { generatedPages } from "../scripts/pages.ts";
import { DATA_CENTRES, variables } from "../src/config/schema.ts";
import { dataCentres } from "../src/crm/zoho/data-centres.ts";
import { catalogue } from "../src/faults.ts";

const ROOT = join(import.meta.dirname, "..");
const page = (path: string) => {
  const file = join(ROOT, path);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
};

describe("a generated page is current (else: npm run docs:generate)", () => {
  for (const [path, text] of Object.entries(generatedPages())) test(path, () => assert.equal(page(path), text));
});

/** The variables that the design fixes, with their defaults. Other programs rely on them. */
const FIXED: Readonly<Record<string, string | undefined>> = {
  WEBHOOK_ENABLED: "true",
  WEBHOOK_SECRET: undefined,
  WEBHOOK_BASE_URL: undefined,
  WEBHOOK_EVENT_TTL: "3600",
  WEBHOOK_MAX_QUEUE_SIZE: "10000",
  WEBHOOK_BATCH_SIZE: "10",
  WEBHOOK_BATCH_TIMEOUT: "5",
  WEBHOOK_MAX_RETRIES: "3",
  WEBHOOK_RETRY_DELAY_BASE: "2",
  WEBHOOK_NUM_WORKERS: "3",
  WEBHOOK_SECRET_PREVIOUS: undefined,
  WEBHOOK_SECRET_PREVIOUS_UNTIL: undefined,
  REDIS_HOST: undefined,
  REDIS_PORT: "6379",
  REDIS_PASSWORD: undefined,
  REDIS_DB: "0",
  REDIS_URL: undefined,
  REDIS_CLUSTER_NODES: undefined,
  REDIS_KEY_PREFIX: "memhook",
  DATA_DIR: "./data",
  HOST: "0.0.0.0",
  PORT: "8000",
  ADMIN_TOKEN: undefined,
  ZOHO_DATA_CENTER: "us",
  ZOHO_CLIENT_ID: undefined,
  ZOHO_CLIENT_SECRET: undefined,
  ZOHO_REFRESH_TOKEN: undefined,
  ZOHO_API_URL: undefined,
  ZOHO_ACCOUNTS_URL: undefined,
  ZOHO_NOTIFICATION_TOKEN: undefined,
  COGNEE_URL: undefined,
  COGNEE_API_KEY: undefined,
  COGNEE_USERNAME: undefined,
  COGNEE_PASSWORD: undefined,
  COGNEE_DATASET: "zoho_crm",
  RECONCILE_CRON: "0 3 * * *",
  NOTES_POLL_SECONDS: "120",
  SYNC_DEBOUNCE_MS: "0",
  MASS_DELETE_LIMIT: "5%",
  LOG_LEVEL: "info",
};

test("every variable that the design fixes is in the schema, with its default", () => {
  const defaults = Object.fromEntries(variables().map((variable) => [variable.name, variable.default]));
  for (const [name, fallback] of Object.entries(FIXED)) {
    assert.ok(name in defaults, `${name} is missing`);
    assert.equal(defaults[name], fallback, name);
  }
});

test("every variable says what it is for and what it takes", () => {
  for (const { name, about, expected } of variables()) {
    assert.match(about, /^[A-Z`].*\.$/, `${name}: a sentence`);
    assert.notEqual(expected, "", name);
  }
});

test("secrets are marked: what is named like one is one", () => {
  const looksSecret = /SECRET$|SECRET_PREVIOUS$|PASSWORD$|TOKEN$|API_KEY$|_SALT$/;
  for (const { name, isSecret } of variables()) if (looksSecret.test(name)) assert.ok(isSecret, name);
});

test("every fault is described on the errors page", () => {
  for (const code of Object.keys(catalogue)) assert.match(page("docs/errors.md"), new RegExp(`^\\| \`${code}\` `, "m"));
});

test("the data centres that can be configured are those whose hosts are known", () => {
  assert.deepEqual([...DATA_CENTRES].sort(), Object.keys(dataCentres).sort());
});
