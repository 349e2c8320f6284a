import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { assembleConfig, type Config } from "./config.ts";
import { configWarnings, crossProblems, databaseProblems, type Problem, type Warning } from "./cross-checks.ts";
import { type Environment, environmentSchema, type VariableName, variables } from "./schema.ts";
import { type SummaryRow, summarise } from "./summary.ts";
import { typoWarnings } from "./typos.ts";

/** Where the configuration is read from. */
export interface ConfigSource {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder whose `.env` is read, and where relative folders start. */
  readonly cwd: string;
}

/** The configuration, or everything that is wrong with it, at once. */
export type LoadedConfig =
  | {
      readonly outcome: "valid";
      readonly config: Config;
      readonly warnings: readonly Warning[];
      readonly summary: readonly SummaryRow[];
    }
  | { readonly outcome: "invalid"; readonly problems: readonly Problem[] };

/** A check of values that another room understands; it sees them as written, blanks trimmed. */
export type FurtherCheck = (values: Readonly<Record<string, string | undefined>>) => readonly Problem[];

/** Largest `.env` read, in bytes: some hundred variables, and a list or two. */
const ENV_FILE_BYTES_MAX = 262_144;

/** This process's environment and working directory. The only place that reads them. */
export function processSource(): ConfigSource {
  return { env: process.env, cwd: process.cwd() };
}

/** Reads `.env` and the environment (which wins). Blank is unset; values are trimmed. Reports all problems, by name. */
export function loadConfig(source: ConfigSource, furtherCheck: FurtherCheck = () => []): LoadedConfig {
  const file = readEnvFile(source.cwd);
  const merged: Readonly<Record<string, string | undefined>> = { ...file.values, ...defined(source.env) };
  const values = trimmed(merged);

  const parsed = environmentSchema.safeParse(withDefaults(values));
  const isSet = (name: VariableName) => values[name] !== undefined;
  const problems = [
    ...file.problems,
    ...(parsed.success
      ? []
      : parsed.error.issues.map((issue) => ({ name: String(issue.path[0]), expected: issue.message }))),
    ...crossProblems(isSet),
    ...databaseProblems(values),
    ...furtherCheck(values),
  ];
  if (!parsed.success || problems.length > 0) return { outcome: "invalid", problems };

  const env: Environment = parsed.data;
  const config = assembleConfig(env, source.cwd);
  const known = variables().map(({ name }) => name);
  return {
    outcome: "valid",
    config,
    warnings: [...configWarnings(env, config), ...typoWarnings(Object.keys(values), known)],
    summary: summarise(values, (name) => (source.env[name] === undefined ? ".env" : "environment")),
  };
}

function readEnvFile(cwd: string): {
  values: Readonly<Record<string, string | undefined>>;
  problems: readonly Problem[];
} {
  try {
    const text = readFileSync(join(cwd, ".env"), "utf8");
    if (text.length > ENV_FILE_BYTES_MAX) {
      return { values: {}, problems: [{ name: ".env", expected: `a file of at most ${ENV_FILE_BYTES_MAX} bytes` }] };
    }
    return { values: parseEnv(text), problems: [] };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = "code" in error ? error.code : undefined;
    const isAbsent = code === "ENOENT" || code === "ENOTDIR";
    return { values: {}, problems: isAbsent ? [] : [{ name: ".env", expected: "a file that can be read" }] };
  }
}

function defined(env: ConfigSource["env"]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function trimmed(values: ConfigSource["env"]): Readonly<Record<string, string | undefined>> {
  const entries = Object.entries(values).map(([name, value]) => [name, value?.trim()] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== ""));
}

function withDefaults(values: ConfigSource["env"]): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(variables().map(({ name, default: fallback }) => [name, values[name] ?? fallback]));
}
