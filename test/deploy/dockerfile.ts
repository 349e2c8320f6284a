/** One instruction of a Dockerfile, its continued lines joined. */
export interface Instruction {
  readonly name: string;
  /** What stands before the arguments, as in `--from=build`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly args: string;
}

/** What begins at a FROM. */
export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** A Dockerfile, read: the values of the ARGs before the first FROM are put in where a FROM names them. */
export interface Dockerfile {
  readonly args: Readonly<Record<string, string>>;
  readonly stages: readonly Stage[];
}

/** Reads what this project's Dockerfile uses of the language: no heredocs, no other escape character. Throws on what it does not know. */
export function parseDockerfile(text: string): Dockerfile {
  const args: Record<string, string> = {};
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(text)) {
    const stage = stages.at(-1);
    if (instruction.name === "FROM") {
      const [, base = "", name = `${stages.length}`] = /^(\S+)(?: AS (\S+))?$/.exec(instruction.args) ?? [];
      stages.push({ name, base: base.replace(/\$\{(\w+)\}/g, (_, arg: string) => args[arg] ?? ""), instructions: [] });
    } else if (stage !== undefined) {
      stage.instructions.push(instruction);
    } else if (instruction.name === "ARG") {
      const [name = "", value = ""] = instruction.args.split("=");
      args[name] = value;
    } else {
      throw new Error(`${instruction.name} before the first FROM`);
    }
  }
  return { args, stages };
}

function instructionsOf(text: string): readonly Instruction[] {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  return lines
    .join("\n")
    .replace(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => {
      const [, name = "", flags = "", args = ""] = /^([A-Z]+)((?:\s+--\S+)*)\s+(.*)$/.exec(line) ?? [];
      if (name === "") throw new Error(`no instruction: ${line}`);
      const read = [...flags.matchAll(/--([\w-]+)=(\S+)/g)].map(([, flag = "", value = ""]) => [flag, value]);
      return { name, flags: Object.fromEntries(read), args: args.replace(/\s+/g, " ").trim() };
    });
}

/** The `KEY=value` pairs of an ENV or LABEL. */
export function pairs(args: string): Readonly<Record<string, string>> {
  const found = [...args.matchAll(/(\S+?)=(?:"([^"]*)"|(\S*))/g)];
  return Object.fromEntries(found.map(([, key, quoted, plain]) => [key, quoted ?? plain ?? ""]));
}

/** The list in the JSON form of CMD, ENTRYPOINT, HEALTHCHECK and VOLUME. Throws on the shell form, under which signals get lost. */
export function listOf(args: string): readonly string[] {
  const list: unknown = JSON.parse(args.replace(/^CMD /, ""));
  if (!Array.isArray(list)) throw new Error(`no list: ${args}`);
  return list.map(String);
}
