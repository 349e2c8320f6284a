import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOM = join(import.meta.dirname, "..", "src", "engines", "redis");
const LUA = join(ROOM, "lua");
/** Where the generated module lies. */
export const SCRIPTS_FILE = join(ROOM, "scripts.generated.ts");

/** The parts that scripts share, by name, stripped. */
type Library = ReadonlyMap<string, string>;

/** The module that ships the Lua scripts: nothing is read from a file at run time. `test/docs.test.ts` proves it current. */
export function generateScripts(): string {
  const library = readLibrary();
  const scripts = namesIn(LUA).map((name) => scriptOf(name, library));
  return `// Generated from lua/ by scripts/generate-scripts.ts. Do not edit.
import type { Script } from "./connection.ts";

${[...library].map(([part, source]) => `const ${constantOf(part)} = ${JSON.stringify(source)};`).join("\n")}

/** The engine's scripts by name. */
export const SCRIPTS = {
${scripts.join("\n")}
} as const satisfies Readonly<Record<string, Script>>;
`;
}

/** A script outside of the engine's folder with the parts that it includes: what a test asks the server. */
export function assembleScript(name: string, text: string): { name: string; source: string; sha: string } {
  const library = readLibrary();
  const source = [...includesOf(name, text, library).map((part) => library.get(part)), stripped(text)].join("\n");
  return { name, source, sha: sha1(source) };
}

function readLibrary(): Library {
  const folder = join(LUA, "lib");
  return new Map(namesIn(folder).map((part) => [part, stripped(readFileSync(join(folder, `${part}.lua`), "utf8"))]));
}

function namesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".lua"))
    .map((file) => file.replace(/\.lua$/, ""))
    .sort();
}

/** A script as an expression: the parts that it includes, by name, then its own text; and the SHA-1 of it all. */
function scriptOf(name: string, library: Library): string {
  const text = readFileSync(join(LUA, `${name}.lua`), "utf8");
  const pieces = [...includesOf(name, text, library).map(constantOf), JSON.stringify(stripped(text))].join(", ");
  const { sha } = assembleScript(name, text);
  return `  ${JSON.stringify(name)}: { name: ${JSON.stringify(name)}, sha: "${sha}", source: [${pieces}].join("\\n") },`;
}

function includesOf(name: string, text: string, library: Library): readonly string[] {
  const includes = /^--!include (.*)$/m.exec(text)?.[1]?.split(" ") ?? [];
  const unknown = includes.find((part) => !library.has(part));
  if (unknown !== undefined) throw new Error(`${name}.lua includes lua/lib/${unknown}.lua, which is not there`);
  return includes;
}

function sha1(source: string): string {
  return createHash("sha1").update(source).digest("hex");
}

function constantOf(part: string): string {
  return part.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Without comments and blank lines: what is sent to the server. */
function stripped(source: string): string {
  return source
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => !/^(--.*)?$/.test(line))
    .join("\n");
}

if (import.meta.main) writeFileSync(SCRIPTS_FILE, generateScripts());
