import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");
/** Longest run of one mutant: some engines hang instead of failing, and that is noticed as well. */
const RUN_MS_MAX = 30_000;
const SUITE_FILE = "suite.ts";

/** One guarantee broken at one place. */
export interface Mutant {
  /** The guarantee that is gone. */
  readonly name: string;
  /** In the engine's folder. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Mutants and who must notice. */
export interface MutantGroup<Suite extends string> {
  readonly suite: Suite;
  /** Only tests and parts of the suite whose name holds this; absent = all of it. */
  readonly part?: string;
  readonly mutants: readonly Mutant[];
}

/** The engine that is broken, and the suites that hold its guarantees. */
export interface MutationSubject<Suite extends string> {
  /** Its folder. */
  readonly engine: string;
  /** Folders and files that a copy holds. */
  readonly parts: readonly string[];
  /** Of these, what no suite imports, by its path from the root. */
  readonly unwanted: RegExp;
  /** By name, the text of a module in the copy's root that runs tests. Asked when it is needed. */
  readonly suites: Readonly<Record<Suite, () => string>>;
}

/** Breaks guarantees one at a time, each in a copy of the source, and demands that a suite notices. */
export function mutationTests<Suite extends string>(
  subject: MutationSubject<Suite>,
  groups: readonly MutantGroup<NoInfer<Suite>>[],
): void {
  const copies = mkdtempSync(join(tmpdir(), "memhook-mutants-"));
  after(() => rmSync(copies, { recursive: true, maxRetries: 3 }));
  let copyCount = 0;
  const isGreenIn = async (suite: Suite, part?: string, mutant?: Mutant) => {
    const folder = join(copies, String(copyCount++));
    await copyTo(folder, subject, subject.suites[suite]());
    if (mutant !== undefined) await mutate(join(folder, subject.engine, mutant.file), mutant);
    return isGreen(folder, join(copies, "compiled"), part);
  };
  const concurrency = availableParallelism() + 1; // Some hang and take no processor.

  describe("the copy without a mutant is green, or nothing below would mean anything", { concurrency }, () => {
    for (const suite of new Set(groups.map((group) => group.suite))) {
      test(`suite: ${suite}`, async () => assert.equal(await isGreenIn(suite), true));
    }
  });

  describe("a suite turns red when a guarantee is gone", { concurrency }, () => {
    for (const { suite, part, mutants } of groups) {
      for (const mutant of mutants) {
        test(mutant.name, async () => {
          assert.equal(await isGreenIn(suite, part, mutant), false, `survived: ${mutant.name}`);
        });
      }
    }
  });
}

/** Copies the engine, what it imports and the suites. */
async function copyTo(
  folder: string,
  { parts, unwanted }: Pick<MutationSubject<string>, "parts" | "unwanted">,
  suite: string,
): Promise<void> {
  for (const part of parts) {
    await mkdir(dirname(join(folder, part)), { recursive: true });
    const filter = (path: string) => !unwanted.test(path.slice(ROOT.length + 1));
    await cp(join(ROOT, part), join(folder, part), { recursive: true, filter });
  }
  await cp(join(ROOT, "package.json"), join(folder, "package.json"));
  await writeFile(join(folder, SUITE_FILE), suite);
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
}

async function mutate(file: string, { find, replace }: Mutant): Promise<void> {
  const text = await readFile(file, "utf8");
  assert.equal(text.split(find).length, 2, `the place of the mutant stands exactly once in ${file}`);
  await writeFile(
    file,
    text.replace(find, () => replace),
  );
}

/** Runs a suite in a copy, until the first test fails. True = green. */
function isGreen(folder: string, compiled: string, part: string | undefined): Promise<boolean> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // Else the child reports to this run, and its exit code is 0.
  const only = part === undefined ? [] : [`--test-name-pattern=${part}`];
  const child = spawn(process.execPath, ["--test-reporter=tap", ...only, SUITE_FILE], {
    cwd: folder,
    env: { ...env, NODE_COMPILE_CACHE: compiled },
    stdio: ["ignore", "pipe", "ignore"],
    timeout: RUN_MS_MAX,
    killSignal: "SIGKILL",
  });
  child.stdout.on("data", (output: Buffer) => {
    if (/^\s*not ok/m.test(output.toString())) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code === 0));
  });
}
