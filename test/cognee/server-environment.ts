import { existsSync } from "node:fs";
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { COGNEE_VERSION, ensureCognee } from "./install.ts";

/** Length of the vectors that Cognee asks the model for. */
export const VECTOR_DIMENSIONS = 256;
/** The user that Cognee makes at its first start. */
export const USERNAME = "default_user@example.com";
/** Theirs. */
export const PASSWORD = "a password of the tests";
/** What Cognee prints and logs, inside its data folder. */
export const LOG_FILE = "server.log";

/** Where a server runs. */
interface Surroundings {
  readonly venv: string;
  readonly dataDir: string;
  readonly modelUrl: string;
}

/** The environment of a server: everything offline and in its data folder, which is made ready for it. */
export async function prepareEnvironment(surroundings: Surroundings): Promise<Readonly<Record<string, string>>> {
  const packages = await packagesOf(surroundings.venv);
  const home = join(surroundings.dataDir, "home");
  if (!existsSync(extensionsOf(packages))) await lendExtensions(home);
  // The tokenizer's file lies inside litellm, where Cognee does not look by itself: it would try to download it, and never be healthy.
  const tokenizers = join(packages, "litellm", "litellm_core_utils", "tokenizers");
  return { ...settingsOf(surroundings), HOME: home, TIKTOKEN_CACHE_DIR: tokenizers };
}

/** Nothing of the developer's own environment but the PATH: a key of theirs must not be used. */
function settingsOf({ dataDir, modelUrl }: Surroundings): Readonly<Record<string, string>> {
  return {
    PATH: process.env["PATH"] ?? "",
    ENV: "prod",
    LLM_PROVIDER: "openai",
    LLM_MODEL: "openai/gpt-4o-mini",
    LLM_API_KEY: "none",
    LLM_ENDPOINT: modelUrl,
    LLM_RATE_LIMIT_ENABLED: "false",
    LITELLM_LOCAL_MODEL_COST_MAP: "True",
    EMBEDDING_PROVIDER: "openai",
    EMBEDDING_MODEL: "openai/text-embedding-3-small",
    EMBEDDING_DIMENSIONS: String(VECTOR_DIMENSIONS),
    EMBEDDING_ENDPOINT: modelUrl,
    EMBEDDING_API_KEY: "none",
    COGNEE_SKIP_CONNECTION_TEST: "true",
    DB_PROVIDER: "sqlite",
    VECTOR_DB_PROVIDER: "lancedb",
    GRAPH_DATABASE_PROVIDER: "ladybug",
    SYSTEM_ROOT_DIRECTORY: join(dataDir, "system"),
    DATA_ROOT_DIRECTORY: join(dataDir, "data"),
    CACHE_ROOT_DIRECTORY: join(dataDir, "cache"),
    LOG_FILE_NAME: join(dataDir, LOG_FILE),
    TELEMETRY_DISABLED: "1",
    ENABLE_BACKEND_ACCESS_CONTROL: "true",
    DEFAULT_USER_EMAIL: USERNAME,
    DEFAULT_USER_PASSWORD: PASSWORD,
    FASTAPI_USERS_JWT_SECRET: "a secret of the tests, of more than 32 characters",
  };
}

async function packagesOf(venv: string): Promise<string> {
  const lib = join(venv, "lib");
  const python = (await readdir(lib)).find((name) => name.startsWith("python3"));
  if (python === undefined) throw new Error(`no Python library in ${lib}`);
  return join(lib, python, "site-packages");
}

/** The graph store's extension for JSON, by the store's version and the platform. Cognee brings it since 1.6. */
function extensionsOf(packages: string): string {
  return join(packages, "cognee_db_workers", "ladybug_extensions");
}

/** Older versions download the extension, and are never healthy without it. Their store is the same, so 1.6's copy is put where they look. */
async function lendExtensions(home: string): Promise<void> {
  const lender = await ensureCognee(COGNEE_VERSION);
  if (!("dir" in lender)) throw new Error(lender.missing);
  const extensions = extensionsOf(await packagesOf(lender.dir));
  for (const version of (await readdir(extensions)).filter((name) => name.startsWith("v")))
    for (const platform of await readdir(join(extensions, version))) {
      const target = join(home, ".lbdb", "extension", version.slice(1), platform, "json");
      await cp(join(extensions, version, platform), target, { recursive: true });
    }
}
