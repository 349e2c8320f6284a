import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The version that everything is proved against. */
export const COGNEE_VERSION = "1.6.5";
/** The version before the update in place; `COGNEE_MATRIX=all` proves against it as well. */
export const COGNEE_VERSION_BEFORE = "1.5.2";

const ROOT = join(import.meta.dirname, "..", "..");
/** Where the virtual environments lie, one a version; git ignores it. */
const VENVS = join(ROOT, ".cognee");
/** Written last, so that an installation that was cut short is taken up again. */
const MARKER = "complete";
/** The Pythons that the pinned packages are built for: numpy 2.4 ended 3.10, and nothing here was run on 3.14. */
const PYTHON_MINORS = [11, 12, 13] as const;
/** Asked in this order; the constraints were frozen on 3.11. */
const PYTHON_NAMES = ["python3", "python3.11", "python3.12", "python3.13"] as const;
/** An installation took 100 s (docs/decisions/0013); a slow line may need several times that. */
const INSTALL_MS_MAX = 900_000;
const ASK_MS_MAX = 30_000;
const LOOK_EVERY_MS = 500;
/** Longest reason in one line of a report. */
const REASON_LENGTH_MAX = 300;

/** Where a Cognee was installed, or why there is none, in one line. */
export type CogneeInstall = { readonly dir: string; readonly python: string } | { readonly missing: string };

const found = new Map<string, Promise<CogneeInstall>>();

/** Finds the Cognee of a version under .cognee/, or installs it there: a virtual environment and the pinned packages from PyPI. */
export function ensureCognee(version: string = COGNEE_VERSION): Promise<CogneeInstall> {
  const known = found.get(version) ?? findOrInstall(version);
  found.set(version, known);
  return known;
}

async function findOrInstall(version: string): Promise<CogneeInstall> {
  const dir = join(VENVS, version);
  const installed = { dir, python: join(dir, "bin", "python") };
  const wanted = await markOf(version);
  if (await isComplete(dir, wanted)) return installed;
  const python = await findPython();
  if (python === undefined) return { missing: `no Python 3.${PYTHON_MINORS.join(", 3.")} is on the PATH` };
  try {
    await locked(`${dir}.lock`, async () => {
      if (!(await isComplete(dir, wanted))) await install(version, { dir, python, mark: wanted });
    });
    return installed;
  } catch (error) {
    return { missing: `cognee ${version} could not be installed from PyPI: ${reasonOf(error)}` };
  }
}

/** The packages are the same next month: all of them are pinned, and other pins are another installation. */
async function markOf(version: string): Promise<string> {
  const constraints = await readFile(constraintsOf(version));
  return createHash("sha256").update(constraints).digest("hex");
}

function constraintsOf(version: string): string {
  return join(import.meta.dirname, `constraints-${version}.txt`);
}

async function isComplete(dir: string, mark: string): Promise<boolean> {
  const marker = join(dir, MARKER);
  return existsSync(marker) && (await readFile(marker, "utf8")) === mark;
}

async function findPython(): Promise<string | undefined> {
  const question = "import sys, venv, ensurepip; print(sys.version_info[0] * 1000 + sys.version_info[1])";
  const answers: readonly string[] = PYTHON_MINORS.map((minor) => String(3000 + minor));
  for (const name of PYTHON_NAMES) {
    const answer = await run(name, ["-c", question], { timeout: ASK_MS_MAX }).catch(() => undefined);
    if (answer !== undefined && answers.includes(answer.stdout.trim())) return name;
  }
  return undefined;
}

async function install(
  version: string,
  { dir, python, mark }: { readonly dir: string; readonly python: string; readonly mark: string },
): Promise<void> {
  await rm(join(dir, MARKER), { force: true });
  await run(python, ["-m", "venv", dir], { timeout: INSTALL_MS_MAX });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
  const what = ["--constraint", constraintsOf(version), `cognee==${version}`];
  await run(join(dir, "bin", "python"), [...pip, ...what], { timeout: INSTALL_MS_MAX });
  await writeFile(join(dir, MARKER), mark);
}

/**
 * Test files run at the same time: one installs, the others wait for it. The lock is SQLite's on a file, so that the system frees it
 * with its process, however that ends.
 */
async function locked(path: string, work: () => Promise<void>): Promise<void> {
  await mkdir(VENVS, { recursive: true });
  const lock = new DatabaseSync(path);
  try {
    const end = Date.now() + INSTALL_MS_MAX;
    while (!isTaken(lock)) {
      if (Date.now() > end) throw new Error(`another process has been installing it for ${INSTALL_MS_MAX / 1_000} s`);
      await sleep(LOOK_EVERY_MS);
    }
    await work();
  } finally {
    lock.close();
  }
}

function isTaken(lock: DatabaseSync): boolean {
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Error && /locked/.test(error.message)) return false;
    throw error;
  }
}

/** What went wrong, in one line: of pip, its first error. */
function reasonOf(error: unknown): string {
  const stderr = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
  const lines = (stderr.trim() || (error instanceof Error ? error.message : String(error))).split("\n");
  const line = lines.find((candidate) => candidate.startsWith("ERROR:")) ?? lines.at(-1) ?? "";
  return line.trim().slice(0, REASON_LENGTH_MAX);
}
