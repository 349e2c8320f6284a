import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { generatedPages } from "../scripts/pages.ts";
import { createProgram, type Host } from "../src/cli/program.ts";
import { DATA_CENTRES, variables } from "../src/config/schema.ts";
import { dataCentres } from "../src/crm/zoho/data-centres.ts";
import { catalogue } from "../src/faults.ts";
import { JOB_TRANSITIONS } from "../src/queue/job-state.ts";
import { MAY_IMPORT } from "./rooms.ts";

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

/** The rows of the Markdown table whose first heading is `heading`, cell by cell. */
function tableRows(path: string, heading: string): readonly (readonly string[])[] {
  const lines = page(path).split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`));
  assert.notEqual(start, -1, `${path} has a table that begins with ${heading}`);
  const rest = lines.slice(start + 2);
  const end = rest.findIndex((line) => !line.startsWith("|"));
  return rest.slice(0, end === -1 ? rest.length : end).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

const quoted = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? "");

test("ARCHITECTURE.md prints the table of rooms that the tidy test enforces", () => {
  const rows = tableRows("ARCHITECTURE.md", "room").filter(([room]) => room !== "`src/*.ts`");
  const printed = rows.map(([room = "", , imports = ""]) => [quoted(room)[0], quoted(imports).toSorted()]);
  const enforced = Object.entries(MAY_IMPORT).map(([room, imports]) => [room, [...imports].toSorted()]);
  assert.deepEqual(printed.toSorted(), enforced.toSorted());
});

test("docs/state-machine.md lists exactly the legal arrows", () => {
  const arrows = tableRows("docs/state-machine.md", "from").flatMap(([from, by = "", to = ""]) =>
    [...(to.split(/[:,]/)[0] ?? "").split(" or ")].map((place) => `${from} –${by.split(",")[0]}→ ${place}`),
  );
  const legal = JOB_TRANSITIONS.flatMap(({ from, by, to }) => to.map((place) => `${from} –${by}→ ${place}`));
  assert.deepEqual([...new Set(arrows)].toSorted(), legal.toSorted());
});

test("each promise names tests that exist, by file and exact name", () => {
  const rows = tableRows("docs/guarantees.md", "promise");
  assert.deepEqual(
    rows.map(([promise = ""]) => promise.slice(0, 2)),
    ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9"],
  );
  for (const [promise, , proofs = ""] of rows) {
    const cited = [...proofs.matchAll(/`([^`]+\.ts)`:? \*([^*]+)\*/g)];
    assert.ok(cited.length > 0, `${promise} cites no test`);
    for (const [, path = "", name = ""] of cited) {
      const found = new RegExp(`\\b(test|check)\\(\\s*"${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}"`).test(
        page(path),
      );
      assert.ok(found, `${promise}: ${path} has no test "${name}"`);
    }
  }
});

/** The pages that a person reads, but for the generated ones and the history of decisions. */
const PAGES = ["README.md", "SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].concat(
  readdirSync(join(ROOT, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
);

test("every metric that a page names exists", () => {
  const source = page("src/app/prometheus.ts");
  for (const path of PAGES) {
    for (const [, name = ""] of page(path).matchAll(/\bmemhook_([a-z_]+)\b/g)) {
      const isTotalOrGauge = new RegExp(`"(memhook_)?${name}"`).test(source);
      const isDistribution = new RegExp(`^ {2}${name.replace(/_seconds$/, "")}: "Seconds `, "m").test(source);
      assert.ok(isTotalOrGauge || isDistribution, `${path}: memhook_${name}`);
    }
  }
});

test("every command and option that a page names exists", () => {
  const program = createProgram({ version: "0" } as Host, () => undefined); // Until a command runs, only the version is read.
  const commandAt = (names: readonly string[]) =>
    names.reduce<typeof program | undefined>(
      (command, name) => command?.commands.find((candidate) => candidate.name() === name),
      program,
    );
  for (const path of PAGES) {
    const code = [...page(path).matchAll(/`([^`\n]+)`|^```[^\n]*\n([\s\S]*?)^```/gm)].flatMap(([, span, block]) =>
      (span ?? block ?? "").split("\n"),
    );
    for (const line of code) {
      const said = line.replace(/\s#.*$/, "").replace("npm run demo --", "memhook demo");
      const words = /(?:^|[\s/])(?:memhook|main\.js) +(.*)$/.exec(said)?.[1]?.split(/\s+/) ?? [];
      const [first = "", second = ""] = words;
      if (!/^[a-z-]+$/.test(first)) continue;
      const parent = commandAt([first]);
      assert.ok(parent !== undefined, `${path}: memhook ${first}`);
      const command = parent.commands.length === 0 ? parent : commandAt([first, second]);
      assert.ok(command !== undefined, `${path}: memhook ${first} ${second}`);
      for (const option of words.filter((word) => /^--[a-z]/.test(word)))
        assert.ok(
          command.options.some(({ long }) => long === option.replace(/[,.;]$/, "")),
          `${path}: memhook ${first} ${option}`,
        );
    }
  }
});
