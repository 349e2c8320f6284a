import { GROUPS, type Variable, variables } from "./schema.ts";

const OPENING = `# Configuration

<!-- Generated from src/config/schema.ts by \`npm run docs:generate\`. Do not edit. -->

Everything is set by environment variables. A \`.env\` file in the working directory is read as well; the real environment
wins. An empty value is the same as none, and blanks around a value are dropped. Wrong values are all named at once, with
what was expected, before a port is opened (exit code 2). \`memhook config\` prints what is in effect, \`memhook config --check\`
only says whether it is right. Secrets are shown as set or unset, never by value.
`;

/** The page docs/configuration.md, whole. */
export function configurationReference(): string {
  const parts = GROUPS.map((group) => {
    const rows = variables().filter((variable) => variable.group === group);
    return [
      `## ${group}`,
      "",
      "| variable | default | expected | meaning |",
      "| --- | --- | --- | --- |",
      ...rows.map(row),
      "",
    ].join("\n");
  });
  return [OPENING, ...parts].join("\n");
}

function row(variable: Variable): string {
  const { name, about, expected, isSecret, isForLater } = variable;
  const fallback = variable.default === undefined ? "unset" : `\`${variable.default}\``;
  const marks = [isSecret ? "Secret." : "", isForLater ? "Not used by this release." : ""].filter(
    (mark) => mark !== "",
  );
  const cells = [`\`${name}\``, fallback, expected, [about, ...marks].join(" ")];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
