import { advice } from "../src/cli/advice.ts";
import { configurationReference } from "../src/config/reference.ts";
import { catalogue, type Retry } from "../src/faults.ts";

/** What memhook does with work that met a fault, by its retry class. */
const EFFECT: Readonly<Record<Retry, string>> = {
  backoff: "spends an attempt, tries later; a dead letter after `WEBHOOK_MAX_RETRIES` attempts",
  never: "a dead letter at once, or the command ends",
  pause: "opens the circuit; no attempt is spent, and work resumes after one probe succeeds",
};

/** Every generated page, by its path in the repository. */
export function generatedPages(): Readonly<Record<string, string>> {
  return { "docs/configuration.md": configurationReference(), "docs/errors.md": errorsPage() };
}

function errorsPage(): string {
  // The table says of each fault what the catalogue says, so that code and page cannot drift.
  const faults = Object.entries(catalogue).map(([code, { retry, summary }]) => ({ code, retry, summary }));
  const advised: Readonly<Record<string, string>> = advice;
  const rows = faults.map(({ code, retry, summary }) => `| \`${code}\` | ${retry} | ${summary} | ${advised[code]} |`);
  return [
    "# Errors",
    "",
    "<!-- Generated from src/faults.ts and src/cli/advice.ts by `npm run docs:generate`. Do not edit. -->",
    "",
    "Every operating failure has a stable code. It stands in log lines (`fault`), dead letters (`cause`), circuits (`cause`) and in",
    "what commands print. Its class says what memhook does:",
    "",
    ...Object.entries(EFFECT).map(([retry, effect]) => `- **${retry}**: ${effect}.`),
    "",
    "| code | class | meaning | what you can do |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
