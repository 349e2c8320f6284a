import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
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
  const copies = new Copies(subject);
  after(() => copies.remove());
  const isGreenIn = (suite: Suite, part?: string, mutant?: Mutant) =>
    copies.use(async (copy) => {
      await writeFile(join(copy.folder, SUITE_FILE), subject.suites[suite]());
      const repair =
        mutant === undefined ? undefined : await mutate(join(copy.folder, subject.engine, mutant.file), mutant);
      try {
        return await isGreen(copy, part);
      } finally {
        await repair?.();
      }
    });
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

/** A copy of the engine, what it imports and its suites, and where a run in it keeps its files. */
interface Copy {
  readonly folder: string;
  readonly temporary: string;
  /** What Node has compiled: copies are used again, as most of a run's time is reading the same files. */
  readonly compiled: string;
}

/** As many copies as are used at once. */
class Copies {
  readonly #root = mkdtempSync(join(tmpdir(), "memhook-mutants-"));
  readonly #subject: Pick<MutationSubject<string>, "parts" | "unwanted">;
  readonly #free: Copy[] = [];
  #count = 0;

  constructor(subject: Pick<MutationSubject<string>, "parts" | "unwanted">) {
    this.#subject = subject;
  }

  async use<Result>(act: (copy: Copy) => Promise<Result>): Promise<Result> {
    const copy = this.#free.pop() ?? (await this.#make());
    try {
      return await act(copy);
    } finally {
      this.#free.push(copy);
    }
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, maxRetries: 3 });
  }

  async #make(): Promise<Copy> {
    this.#count += 1;
    const folder = join(this.#root, `copy-${this.#count}`);
    const temporary = join(this.#root, `temporary-${this.#count}`);
    mkdirSync(temporary);
    for (const part of this.#subject.parts) {
      await mkdir(dirname(join(folder, part)), { recursive: true });
      const filter = (path: string) => !this.#subject.unwanted.test(path.slice(ROOT.length + 1));
      await cp(join(ROOT, part), join(folder, part), { recursive: true, filter });
    }
    await cp(join(ROOT, "package.json"), join(folder, "package.json"));
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    return { folder, temporary, compiled: join(this.#root, "compiled") };
  }
}

/** Changes one place of a file. Returns what changes it back. */
async function mutate(file: string, { find, replace }: Mutant): Promise<() => Promise<void>> {
  const text = await readFile(file, "utf8");
  assert.equal(text.split(find).length, 2, `the place of the mutant stands exactly once in ${file}`);
  await writeFile(
    file,
    text.replace(find, () => replace),
  );
  return () => writeFile(file, text);
}

/** Runs that live, each with the servers that it started: when this process ends, so do they. */
const living = new Set<ChildProcess>();
process.once("exit", () => {
  for (const run of living) endWithChildren(run);
});

/** Runs a suite in a copy, until the first test fails. True = green. */
function isGreen({ folder, temporary, compiled }: Copy, part: string | undefined): Promise<boolean> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // Else the child reports to this run, and its exit code is 0.
  const only = part === undefined ? [] : [`--test-name-pattern=${part}`];
  const run = spawn(process.execPath, ["--test-reporter=tap", ...only, SUITE_FILE], {
    cwd: folder,
    env: { ...env, NODE_COMPILE_CACHE: compiled, TMPDIR: temporary },
    stdio: ["ignore", "pipe", "ignore"],
    timeout: RUN_MS_MAX,
    killSignal: "SIGKILL",
    detached: true, // A group of its own.
  });
  living.add(run);
  run.stdout.on("data", (output: Buffer) => {
    if (/^\s*not ok/m.test(output.toString())) endWithChildren(run);
  });
  return new Promise((resolve, reject) => {
    run.once("error", reject);
    run.once("exit", (code) => {
      endWithChildren(run);
      living.delete(run);
      resolve(code === 0);
    });
  });
}

/** Ends a run and what it started: a killed one ends nothing itself. */
function endWithChildren({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error; // All have ended.
  }
}
