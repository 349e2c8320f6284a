import { execFile } from "node:child_process";
import { chownSync, cpSync, mkdirSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { type Dockerfile, type Instruction, listOf, pairs, type Stage } from "./dockerfile.ts";

const run = promisify(execFile);

/** An installation or a compilation that takes longer hangs. */
const RUN_MS_MAX = 120_000;
const OUTPUT_BYTES_MAX = 10_000_000;
/** What a command may see of this process: where programs are, and what npm needs to reach its registry. */
const PASSED_ON =
  /^(PATH|HOME|https?_proxy|no_proxy|SSL_CERT_FILE|NODE_EXTRA_CA_CERTS|npm_config_(registry|cafile|userconfig|cache))$/i;

/** What an image says of the process that is made of it. Paths are those of the image; `root` is where they begin. */
export interface Image {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly uid: number;
  readonly gid: number;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
  readonly stopSignal: string;
  readonly volumes: readonly string[];
}

interface Building {
  readonly context: string;
  /** Each stage is a folder in it, its root. */
  readonly folder: string;
  readonly settings: Map<string, string>;
  readonly env: Record<string, string>;
  workdir: string;
}

/**
 * Carries out a Dockerfile without a container engine: each stage in a folder of its own, with this machine's programs in place of the
 * base image's, and every absolute path moved below that folder. Returns the last stage.
 */
export async function buildImage(file: Dockerfile, places: Pick<Building, "context" | "folder">): Promise<Image> {
  let built: Building | undefined;
  for (const stage of file.stages) {
    built = { ...places, settings: new Map(), env: {}, workdir: "/" };
    mkdirSync(join(places.folder, stage.name));
    for (const instruction of stage.instructions) await carryOut(instruction, stage, built);
  }
  const last = file.stages.at(-1);
  if (built === undefined || last === undefined) throw new Error("no stage");
  const setting = (name: string) => built.settings.get(name) ?? "";
  const [uid = Number.NaN, gid = Number.NaN] = setting("USER").split(":").map(Number);
  return {
    root: join(places.folder, last.name),
    env: built.env,
    workdir: built.workdir,
    uid,
    gid,
    entrypoint: listOf(setting("ENTRYPOINT")),
    command: listOf(setting("CMD")),
    healthcheck: listOf(setting("HEALTHCHECK")),
    stopSignal: setting("STOPSIGNAL"),
    volumes: listOf(setting("VOLUME")),
  };
}

async function carryOut(instruction: Instruction, stage: Stage, building: Building): Promise<void> {
  const root = join(building.folder, stage.name);
  const { name, args } = instruction;
  switch (name) {
    case "WORKDIR":
      building.workdir = args;
      mkdirSync(join(root, args), { recursive: true });
      return;
    case "COPY":
      return copy(instruction, { root, building });
    case "RUN":
      return runCommand(args, { root, building });
    case "ENV":
      Object.assign(building.env, pairs(args));
      return;
    case "USER":
    case "ENTRYPOINT":
    case "CMD":
    case "HEALTHCHECK":
    case "STOPSIGNAL":
    case "VOLUME":
      building.settings.set(name, args);
      return;
    case "LABEL":
    case "EXPOSE":
      return;
    default:
      throw new Error(`${name} is not known here`);
  }
}

interface Place {
  readonly root: string;
  readonly building: Building;
}

function copy({ args, flags }: Instruction, { root, building }: Place): void {
  const words = args.split(" ");
  const target = words.at(-1) ?? "";
  const from = flags["from"] === undefined ? building.context : join(building.folder, flags["from"]);
  const to = join(root, isAbsolute(target) ? target : join(building.workdir, target));
  for (const source of words.slice(0, -1)) {
    const path = join(from, source);
    const isInto = /(^|\/)\.?\/?$/.test(target) && !statSync(path).isDirectory();
    cpSync(path, isInto ? join(to, basename(source)) : to, { recursive: true, verbatimSymlinks: true });
  }
}

async function runCommand(command: string, { root, building }: Place): Promise<void> {
  // There is nothing of the base image here that could be removed; on this machine there is.
  if (/^rm -rf (\/(usr\/local|opt)\/\S+ ?)+$/.test(command)) return;
  if (/[;&|<>`$]/.test(command)) throw new Error(`more than one plain command: ${command}`);
  const words = command.split(" ").map((word) => (word.startsWith("/") ? join(root, word) : word));
  const [program = "", ...rest] = words;
  if (program === "install") return install(rest);
  if (program !== "npm") throw new Error(`not known here, so not run: ${command}`);
  const passedOn = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
  const path = `${dirname(process.execPath)}:${process.env["PATH"]}`;
  await run(program, rest, {
    cwd: join(root, building.workdir),
    // What the registry served before need not be asked for again.
    env: { ...Object.fromEntries(passedOn), PATH: path, npm_config_prefer_offline: "true", ...building.env },
    timeout: RUN_MS_MAX,
    maxBuffer: OUTPUT_BYTES_MAX,
  });
}

/** `install -d -m MODE -o USER -g GROUP FOLDER`; whoever is not root owns it already. */
function install(words: readonly string[]): void {
  const after = (flag: string) => words[words.indexOf(flag) + 1] ?? "";
  const path = words.at(-1) ?? "";
  mkdirSync(path, { mode: Number.parseInt(after("-m"), 8) });
  if (process.getuid?.() === 0) chownSync(path, Number(after("-o")), Number(after("-g")));
}
