import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Config } from "./config.ts";
import { canAuthenticate, missingCredentials } from "./cross-checks.ts";
import { type LoadedConfig, loadConfig } from "./load.ts";
import { summaryFields } from "./summary.ts";

const cwd = mkdtempSync(join(tmpdir(), "memhook-config-"));
after(() => rmSync(cwd, { recursive: true, force: true }));

const SECRET = "a-secret-of-more-than-thirty-two-characters";
const CREDENTIALS = { ZOHO_CLIENT_ID: "id", ZOHO_CLIENT_SECRET: "secret", ZOHO_REFRESH_TOKEN: "refresh" };

function load(env: Readonly<Record<string, string | undefined>>): LoadedConfig {
  return loadConfig({ env, cwd });
}

function valid(env: Readonly<Record<string, string | undefined>>) {
  const loaded = load(env);
  assert.equal(loaded.outcome, "valid", JSON.stringify(loaded));
  return loaded.outcome === "valid" ? loaded : assert.fail();
}

function problemNames(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const loaded = load(env);
  return loaded.outcome === "invalid" ? loaded.problems.map((problem) => problem.name) : [];
}

test("an empty environment gives the documented defaults", () => {
  const { config } = valid({});
  const expected: Config = {
    webhook: { isEnabled: true, secrets: {} },
    events: {
      criticalFields: ["Account_Status", "Health_Score", "Owner", "Annual_Revenue", "Account_Type", "Industry"].map(
        (field) => `Accounts.${field}`,
      ),
      ignoredFields: [],
      customModules: [],
    },
    engine: { kind: "embedded", dataDir: join(cwd, "data"), capacity: 10_000, dedupWindowMs: 3_600_000 },
    processor: { workers: 3, batchSize: 10, idleMs: 5_000, attemptsMax: 3, retryBaseMs: 2_000, debounceMs: 0 },
    zoho: { dataCentre: "us" },
    sink: { kind: "embedded", dataDir: join(cwd, "data"), dataset: "zoho_crm" },
    reconcile: { cron: "0 3 * * *", notesPollMs: 120_000, massDeleteLimit: { kind: "share", share: 0.05 } },
    http: { host: "0.0.0.0", port: 8000 },
    log: { level: "info" },
  };
  assert.deepEqual(config, expected);
});

test("values reach the piece that uses them", () => {
  const { config } = valid({
    ...CREDENTIALS,
    WEBHOOK_SECRET: SECRET,
    WEBHOOK_SECRET_PREVIOUS: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    WEBHOOK_SECRET_PREVIOUS_UNTIL: "2026-12-01T10:00:00+05:30",
    WEBHOOK_BASE_URL: "https://hooks.example.com/",
    CUSTOM_MODULES: "Projects:Account_Name, Visits:Customer",
    EVENT_FILTER: "Contacts.Last_Visited, Rating",
    MASS_DELETE_LIMIT: "25",
    WEBHOOK_BATCH_TIMEOUT: "0.5",
    ADMIN_TOKEN: "an-admin-token-of-length",
  });
  assert.deepEqual(config.webhook.secrets, {
    current: SECRET,
    previous: { secret: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", until: Date.UTC(2026, 11, 1, 4, 30) },
  });
  assert.equal(config.webhook.baseUrl, "https://hooks.example.com");
  assert.deepEqual(config.zoho.credentials, { clientId: "id", clientSecret: "secret", refreshToken: "refresh" });
  assert.deepEqual(config.events.customModules, [
    { module: "Projects", accountField: "Account_Name" },
    { module: "Visits", accountField: "Customer" },
  ]);
  assert.deepEqual(config.events.ignoredFields, ["Contacts.Last_Visited", "Accounts.Rating"]);
  assert.deepEqual(config.reconcile.massDeleteLimit, { kind: "count", count: 25 });
  assert.equal(config.processor.idleMs, 500);
});

test("the configuration is frozen through and through", () => {
  const { config } = valid({ WEBHOOK_SECRET: SECRET });
  assert.ok([config, config.webhook, config.webhook.secrets, config.events.criticalFields].every(Object.isFrozen));
});

test("all problems are named at once", () => {
  assert.deepEqual(
    problemNames({ PORT: "70000", WEBHOOK_NUM_WORKERS: "many", ZOHO_CLIENT_ID: "id", COGNEE_URL: "http://x.example" }),
    ["WEBHOOK_NUM_WORKERS", "COGNEE_URL", "PORT", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN", "COGNEE_API_KEY"],
  );
});

test("a problem never shows the value", () => {
  const loaded = load({
    WEBHOOK_SECRET: "hunter2",
    ADMIN_TOKEN: "hunter2",
    PORT: "hunter2",
    REDIS_URL: "http://hunter2",
    ZOHO_API_URL: "hunter2",
  });
  assert.equal(loaded.outcome, "invalid");
  assert.doesNotMatch(JSON.stringify(loaded), /hunter2/);
});

const REFUSED: readonly (readonly [string, string])[] = [
  ["WEBHOOK_ENABLED", "perhaps"],
  ["WEBHOOK_ENABLED", "constructor"],
  ["WEBHOOK_SECRET", "short"],
  ["WEBHOOK_SECRET", "whsec_not base64!"],
  ["WEBHOOK_SECRET", "whsec_YWJj"],
  ["WEBHOOK_EVENT_TTL", "0"],
  ["WEBHOOK_MAX_QUEUE_SIZE", "-1"],
  ["WEBHOOK_MAX_QUEUE_SIZE", "1e4"],
  ["WEBHOOK_MAX_QUEUE_SIZE", "10.5"],
  ["WEBHOOK_BATCH_SIZE", "101"],
  ["WEBHOOK_BATCH_TIMEOUT", "5s"],
  ["WEBHOOK_MAX_RETRIES", "0"],
  ["WEBHOOK_SECRET_PREVIOUS_UNTIL", "tomorrow"],
  ["WEBHOOK_SECRET_PREVIOUS_UNTIL", "2026-02-30T00:00:00Z"],
  ["WEBHOOK_BASE_URL", "http://hooks.example.com"],
  ["WEBHOOK_BASE_URL", "https://hooks.example.com/zoho"],
  ["ZOHO_API_URL", "https://user:password@www.zohoapis.com"],
  ["ZOHO_API_URL", "https://www.zohoapis.com?"],
  ["ZOHO_ACCOUNTS_URL", "ftp://accounts.zoho.com"],
  ["ZOHO_ACCOUNTS_URL", "http://127.0.0.1.example.com"],
  ["ZOHO_DATA_CENTER", "mars"],
  ["ZOHO_NOTIFICATION_TOKEN", "x".repeat(51)],
  ["CRITICAL_FIELDS", "Owner; Industry"],
  ["CRITICAL_FIELDS", ","],
  ["EVENT_FILTER", "Accounts.Owner.name"],
  ["CUSTOM_MODULES", "Projects"],
  ["CUSTOM_MODULES", "../Projects:Account"],
  ["RECONCILE_CRON", "every night"],
  ["RECONCILE_CRON", "60 3 * * *"],
  ["RECONCILE_CRON", "*/0 3 * * *"],
  ["NOTES_POLL_SECONDS", "0"],
  ["MASS_DELETE_LIMIT", "101%"],
  ["MASS_DELETE_LIMIT", "some"],
  ["REDIS_PORT", "0"],
  ["REDIS_URL", "http://localhost"],
  ["REDIS_CLUSTER_NODES", "a:1,b"],
  ["REDIS_URL", "redis+sentinel://one:26379,two:26379"],
  ["REDIS_URL", "redis://:%zz@redis"],
  ["REDIS_KEY_PREFIX", "mem{hook}"],
  ["REDIS_KEY_PREFIX", "mem hook"],
  ["SPILL_MAX_MB", "0"],
  ["SPILL_MAX_MB", "100001"],
  ["PORT", "65536"],
  ["PORT", "0x50"],
  ["ADMIN_TOKEN", "has a blank in it"],
  ["LOG_LEVEL", "loud"],
];
describe("refuses by name", () => {
  for (const [name, value] of REFUSED)
    test(`${name}=${value}`, () => assert.ok(problemNames({ [name]: value }).includes(name)));
});

const TAKEN: readonly (readonly [string, string])[] = [
  ["WEBHOOK_ENABLED", "No"],
  ["WEBHOOK_SECRET", "8letters"],
  ["WEBHOOK_SECRET_PREVIOUS_UNTIL", "2026-12-31"],
  ["WEBHOOK_BASE_URL", "http://localhost:8000"],
  ["ZOHO_API_URL", "http://[::1]:9000"],
  ["ZOHO_ACCOUNTS_URL", "http://127.0.0.1:9000/"],
  ["ZOHO_DATA_CENTER", "EU"],
  ["CRITICAL_FIELDS", "none"],
  ["RECONCILE_CRON", "*/15  2-4 1,15 * 0"],
  ["MASS_DELETE_LIMIT", "2.5 %"],
  ["PORT", "0"],
  ["LOG_LEVEL", " debug "],
];
describe("takes", () => {
  for (const [name, value] of TAKEN)
    test(`${name}=${value}`, () => assert.deepEqual(problemNames({ [name]: value }), []));
});

describe("between variables", () => {
  test("Zoho's credentials are all there or none", () => {
    assert.deepEqual(problemNames({ ZOHO_REFRESH_TOKEN: "refresh" }), ["ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET"]);
    assert.deepEqual(problemNames(CREDENTIALS), []);
  });

  test("a Redis password goes with a host or a cluster, not alone and not with a URL", () => {
    assert.deepEqual(problemNames({ REDIS_PASSWORD: "password" }), ["REDIS_PASSWORD"]);
    assert.deepEqual(problemNames({ REDIS_PASSWORD: "password", REDIS_URL: "redis://redis" }), ["REDIS_PASSWORD"]);
    assert.deepEqual(problemNames({ REDIS_PASSWORD: "password", REDIS_HOST: "redis" }), []);
    assert.deepEqual(problemNames({ REDIS_PASSWORD: "password", REDIS_CLUSTER_NODES: "a:1,b:2" }), []);
  });

  test("Redis has one address", () => {
    const all = { REDIS_HOST: "redis", REDIS_URL: "redis://redis", REDIS_CLUSTER_NODES: "a:1" };
    assert.deepEqual(problemNames(all), ["REDIS_URL", "REDIS_CLUSTER_NODES"]);
  });

  test("a database's number goes with a host: a cluster has one only, and a URL names its own", () => {
    assert.deepEqual(problemNames({ REDIS_DB: "3", REDIS_HOST: "redis" }), []);
    assert.deepEqual(problemNames({ REDIS_DB: "3", REDIS_CLUSTER_NODES: "a:1" }), ["REDIS_DB"]);
    assert.deepEqual(problemNames({ REDIS_DB: "3", REDIS_URL: "redis://redis/3" }), ["REDIS_DB"]);
    assert.deepEqual(problemNames({ REDIS_DB: "0", REDIS_CLUSTER_NODES: "a:1" }), []);
  });

  test("an address of Cognee makes the sink cognee, by key or by user; the key wins", () => {
    const url = { COGNEE_URL: "https://cognee.example" };
    const user = { COGNEE_USERNAME: "crm", COGNEE_PASSWORD: "hunter2" };
    const kinds = [user, { COGNEE_API_KEY: "key" }, { ...user, COGNEE_API_KEY: "key" }].map((signIn) => {
      const { sink } = valid({ ...url, ...signIn }).config;
      return sink.kind === "cognee" ? sink.credentials : sink.kind;
    });
    assert.deepEqual(kinds, [{ username: "crm", password: "hunter2" }, { apiKey: "key" }, { apiKey: "key" }]);
    assert.deepEqual(problemNames({ ...url, COGNEE_USERNAME: "crm" }), ["COGNEE_API_KEY"]);
    assert.deepEqual(problemNames({ COGNEE_DATASET: "two words" }), ["COGNEE_DATASET"]);
    const per = (value: string) => {
      const { sink } = valid({ ...url, ...user, COGNEE_DATASET_PER: value }).config;
      return sink.kind === "cognee" && sink.isPerAccount;
    };
    assert.deepEqual(["account", "connection"].map(per), [true, false]);
    assert.deepEqual(problemNames({ COGNEE_DATASET_PER: "contact" }), ["COGNEE_DATASET_PER"]);
  });

  test("what serve needs besides is named with all the rest", () => {
    const loaded = loadConfig({ env: { PORT: "x" }, cwd }, missingCredentials);
    const names = loaded.outcome === "invalid" ? loaded.problems.map((problem) => problem.name) : [];
    assert.deepEqual(names, ["PORT", ...Object.keys(CREDENTIALS)]);
    assert.equal(loadConfig({ env: CREDENTIALS, cwd }, missingCredentials).outcome, "valid");
  });
});

describe("an address of Redis makes the engine redis", () => {
  const engine = (env: Readonly<Record<string, string>>) => {
    const { config } = valid(env);
    assert.equal(config.engine.kind, "redis");
    return config.engine.kind === "redis" ? config.engine : assert.fail();
  };

  test("with bounds and defaults", () => {
    const { address, ...rest } = engine({ REDIS_HOST: "redis" });
    assert.deepEqual(address, { kind: "single", host: "redis", port: 6379, db: 0, tls: false });
    assert.deepEqual(rest, {
      kind: "redis",
      keyPrefix: "memhook",
      isEvictionAllowed: false,
      dataDir: join(cwd, "data"),
      spillBytesMax: 256_000_000,
      capacity: 10_000,
      dedupWindowMs: 3_600_000,
    });
  });

  const rows: readonly (readonly [Readonly<Record<string, string>>, unknown])[] = [
    [
      { REDIS_HOST: "redis", REDIS_PORT: "7000", REDIS_PASSWORD: "pass", REDIS_DB: "2" },
      { kind: "single", host: "redis", port: 7000, password: "pass", db: 2, tls: false },
    ],
    [
      { REDIS_URL: "rediss://user:p%40ss@redis.example:6380/5" },
      { kind: "single", host: "redis.example", port: 6380, username: "user", password: "p@ss", db: 5, tls: true },
    ],
    [{ REDIS_URL: "redis://[::1]" }, { kind: "single", host: "::1", port: 6379, db: 0, tls: false }],
    [
      { REDIS_URL: "redis+sentinel://:pass@one:26379,two/main/1" },
      {
        kind: "sentinel",
        sentinels: [
          { host: "one", port: 26379 },
          { host: "two", port: 26379 },
        ],
        name: "main",
        password: "pass",
        db: 1,
        tls: false,
      },
    ],
    [
      { REDIS_CLUSTER_NODES: "a:7000, b:7001", REDIS_PASSWORD: "pass" },
      {
        kind: "cluster",
        nodes: [
          { host: "a", port: 7000 },
          { host: "b", port: 7001 },
        ],
        password: "pass",
        tls: false,
      },
    ],
  ];
  for (const [env, expected] of rows)
    test(Object.values(env).join(" "), () => assert.deepEqual(engine(env).address, expected));
});

describe("the .env file", () => {
  const file = join(cwd, ".env");
  const withFile = (text: string, check: () => void) => {
    writeFileSync(file, text);
    try {
      check();
    } finally {
      rmSync(file);
    }
  };

  test("is read, and the real environment wins", () =>
    withFile('PORT=9000\nHOST="127.0.0.1" # loopback\n', () => {
      const { config } = valid({ PORT: "9001" });
      assert.deepEqual([config.http.port, config.http.host], [9001, "127.0.0.1"]);
    }));

  test("can be emptied by the real environment", () =>
    withFile("REDIS_HOST=redis\n", () => assert.deepEqual(problemNames({ REDIS_HOST: "" }), [])));

  test("shows as the origin of its values", () =>
    withFile("PORT=9000\n", () => {
      const { summary } = valid({ HOST: "::1" });
      const origins = Object.fromEntries(summary.map((row) => [row.name, row.origin]));
      assert.deepEqual(
        [origins["PORT"], origins["HOST"], origins["LOG_LEVEL"], origins["ADMIN_TOKEN"]],
        [".env", "environment", "default", "unset"],
      );
    }));
});

describe("warnings", () => {
  const warned = (env: Readonly<Record<string, string>>) => valid(env).warnings.map((warning) => warning.name);

  test("come when nothing can authenticate a delivery", () => {
    assert.deepEqual(warned({}), ["WEBHOOK_SECRET"]);
    assert.deepEqual(warned({ WEBHOOK_ENABLED: "false" }), []);
    assert.deepEqual(warned({ WEBHOOK_BASE_URL: "https://hooks.example.com" }), []);
    assert.equal(canAuthenticate(valid({ ZOHO_NOTIFICATION_TOKEN: "a-token-of-good-length" }).config.webhook), true);
  });

  test("come for short secrets", () => {
    assert.deepEqual(warned({ WEBHOOK_SECRET: "12345678" }), ["WEBHOOK_SECRET"]);
    assert.deepEqual(warned({ WEBHOOK_SECRET: SECRET }), []);
  });

  test("suggest the name that was meant, and leave strangers alone", () => {
    const { warnings } = valid({
      WEBHOOK_SECRET: SECRET,
      WEBHOOK_SECRTE: "x",
      REDIS_SERVICE_HOST: "10.0.0.1",
      ZOHO_CLIENT: "x",
    });
    assert.deepEqual(
      warnings.map((warning) => warning.name),
      ["WEBHOOK_SECRTE"],
    );
    assert.match(warnings[0]?.message ?? "", /WEBHOOK_SECRET\?/);
  });
});

test("the summary shows secrets as set or unset only", () => {
  const { summary } = valid({ ...CREDENTIALS, WEBHOOK_SECRET: SECRET, PORT: "9000" });
  const fields = summaryFields(summary);
  assert.equal(fields["WEBHOOK_SECRET"], "set");
  assert.equal(fields["ADMIN_TOKEN"], "unset");
  assert.equal(fields["PORT"], "9000");
  assert.equal(fields["HOST"], undefined);
  for (const secret of [SECRET, "refresh"])
    assert.doesNotMatch(JSON.stringify(Object.values(fields)), new RegExp(`"${secret}"`));
});
