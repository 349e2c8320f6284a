import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { test } from "node:test";
import { generateScripts, SCRIPTS_FILE } from "../scripts/generate-scripts.ts";
import { MAY_IMPORT } from "./rooms.ts";

/** What each ban protects, and the one file that may do it. */
const BANS: readonly { readonly pattern: RegExp; readonly allowedIn: readonly string[]; readonly instead: string }[] = [
  { pattern: /\bDate\.now\(|\bnew Date\(\)/, allowedIn: ["clock.ts"], instead: "clock.now()" },
  { pattern: /\bMath\.random\b/, allowedIn: ["random.ts"], instead: "random.next()" },
  { pattern: /\bset(Timeout|Interval)\(/, allowedIn: ["clock.ts"], instead: "clock.sleep()" },
  { pattern: /\bAbortSignal\.timeout\b/, allowedIn: ["clock.ts"], instead: "withTimeout() of clock.ts" },
  { pattern: /\bconsole\./, allowedIn: [], instead: "log, or the terminal of cli/" },
  { pattern: /\bprocess\.env\b/, allowedIn: ["config/load.ts"], instead: "config/load.ts" },
  { pattern: /@ts-(ignore|nocheck|expect-error)/, allowedIn: [], instead: "a type that is true" },
  { pattern: /(?<![\w.])any(?=[\s,;>)\]=|])(?<=[:<,|]\s*any)/, allowedIn: [], instead: "unknown, parsed" },
];

const ROOT = join(import.meta.dirname, "..");
const SRC = join(ROOT, "src");
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.replaceAll("\\", "/"));
const isTest = (file: string) => file.endsWith(".test.ts");

/** The room of a file: the longest folder that the table names; undefined for words. */
function roomOf(file: string): string | undefined {
  if (!file.includes("/")) return undefined;
  const rooms = Object.keys(MAY_IMPORT).sort((a, b) => b.length - a.length);
  const room = rooms.find((candidate) => file.startsWith(`${candidate}/`));
  assert.ok(room, `src/${file} is in no room of the table in test/rooms.ts`);
  return room;
}

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)].map((match) => match[1] ?? "");
  return found.map((specifier) => relative(SRC, normalize(join(SRC, dirname(file), specifier))).replaceAll("\\", "/"));
}

test("imports go downhill only", () => {
  const wrong: string[] = [];
  for (const file of files.filter((name) => !isTest(name))) {
    const room = roomOf(file);
    for (const imported of importsOf(file)) {
      if (imported.startsWith("..")) wrong.push(`src/${file} imports ${imported}, outside src`);
      const target = imported.startsWith("..") ? undefined : roomOf(imported);
      if (target === undefined || target === room) continue;
      if (room === undefined) wrong.push(`src/${file} is a word and may import words only, not ${imported}`);
      else if (!MAY_IMPORT[room]?.includes(target))
        wrong.push(`src/${file} (${room}) may not import ${imported} (${target})`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("each banned call stands only in the file that wraps it", () => {
  const wrong: string[] = [];
  for (const file of files.filter((name) => !isTest(name))) {
    const lines = readFileSync(join(SRC, file), "utf8").split("\n");
    for (const ban of BANS.filter((candidate) => !candidate.allowedIn.includes(file))) {
      lines.forEach((line, index) => {
        const code = line.replace(/^\s*(\/\*\*|\*|\/\/).*$/, "").replace(/\s\/\/ .*$/, "");
        if (ban.pattern.test(code)) wrong.push(`src/${file}:${index + 1} use ${ban.instead}`);
      });
    }
  }
  assert.deepEqual(wrong, []);
});

test("no file is longer than a reader can hold", () => {
  const LINES_MAX = 450;
  const long = files
    .map((file) => ({ file, lines: readFileSync(join(SRC, file), "utf8").split("\n").length }))
    .filter(({ file, lines }) => lines > LINES_MAX && !/\.(generated|test)\.ts$/.test(file));
  assert.deepEqual(long, []);
});

test("each Lua script says what it does, takes, returns and keeps, and is short", () => {
  const LINES_MAX = 100;
  const folder = join(SRC, "engines", "redis", "lua");
  const wrong: string[] = [];
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".lua"),
  )) {
    const lines = readFileSync(join(folder, file), "utf8").split("\n");
    if (lines.length > LINES_MAX) wrong.push(`${file} has ${lines.length} lines`);
    const head = lines
      .slice(
        0,
        lines.findIndex((line) => !line.startsWith("--") || line.startsWith("--!")),
      )
      .join("\n");
    const words = file.startsWith("lib")
      ? [/^-- \S/]
      : [/^-- \S/, /-- KEYS\[1\]/, /ARGV: /, /^-- Returns /m, /^-- Invariant: /m];
    for (const word of words) if (!word.test(head)) wrong.push(`the head of ${file} lacks ${word}`);
  }
  assert.deepEqual(wrong, []);
});

test("the module that ships the Lua scripts is what lua/ says", () => {
  assert.equal(readFileSync(SCRIPTS_FILE, "utf8"), generateScripts(), "run node scripts/generate-scripts.ts");
});

test("every file is imported by another, or is an entry point", () => {
  const entries = new Set(["cli/main.ts", "app/library.ts", "engines/embedded/engine-thread.ts"]);
  const imported = new Set(files.filter((file) => !isTest(file)).flatMap((file) => importsOf(file)));
  const orphans = files.filter((file) => !isTest(file) && !entries.has(file) && !imported.has(file));
  assert.deepEqual(orphans, []);
});

test("file names are kebab-case, and no banned word names a file", () => {
  const wrong = files.filter((file) => {
    const name = file.split("/").at(-1) ?? "";
    return (
      !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.generated)?\.ts$/.test(name) ||
      /^(util|helper|common|manager|service|data|info)s?\.|-(util|helper|manager|service|impl)s?\./.test(name)
    );
  });
  assert.deepEqual(wrong, []);
});

test("a TODO names its issue", () => {
  const wrong = files.filter((file) => /TODO(?! \(#\d+\))/.test(readFileSync(join(SRC, file), "utf8")));
  assert.deepEqual(wrong, []);
});

test("a page has one title, its first line; a decision's is its number and what was decided", () => {
  const wrong = pages().filter((page) => {
    const prose = readFileSync(join(ROOT, page), "utf8").replace(/^```[\s\S]*?^```/gm, "");
    const titles = [...prose.matchAll(/^# .*$/gm)].map(([title]) => title);
    const number = /decisions\/(\d{4})-/.exec(page)?.[1];
    const expected = number === undefined ? /^# \S/ : new RegExp(`^# ${number} \\S`);
    return titles.length !== 1 || !prose.startsWith(titles[0] ?? "") || !expected.test(prose);
  });
  assert.deepEqual(wrong, []);
});

test("every link between pages leads somewhere", () => {
  const wrong: string[] = [];
  for (const page of pages()) {
    for (const [, target] of readFileSync(join(ROOT, page), "utf8").matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      if (target === undefined || /^https?:/.test(target)) continue;
      if (!existsSync(join(ROOT, dirname(page), target))) wrong.push(`${page} links to ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** The Markdown pages of the repository, by their paths in it. */
function pages(): readonly string[] {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((file) => `docs/${file}`);
  return [...readdirSync(ROOT), ...docs]
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".md"));
}
