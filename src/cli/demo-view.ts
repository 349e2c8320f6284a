import type { Figures } from "../app/figures.ts";
import type { SearchHit } from "../memory/memory.ts";

/** Changes shown. */
const CHANGES_SHOWN = 6;
/** Widest line; longer ones are cut, so that a redraw never wraps. */
const WIDTH_MAX = 110;

/** What the live view shows besides the figures. */
export interface DemoScene {
  readonly url: string;
  readonly elapsedMs: number;
  /** The newest changes in the CRM, newest last, as a person would say them. */
  readonly changes: readonly string[];
  /** Milliseconds from a delivery's arrival to the end of its sync. */
  readonly latenciesMs: readonly number[];
  readonly question: string;
  readonly hit: SearchHit | undefined;
}

/** The live view, line by line. */
export function demoLines(figures: Figures, scene: DemoScene, width: number): readonly string[] {
  const { counters, ledger, processor, queue } = figures;
  const count = (name: string) => counters[name] ?? 0;
  const circuits = Object.entries(processor?.circuits ?? {}).map(([name, { state }]) => `${name} ${state}`);
  const row = (label: string, text: string) => `  ${label.padEnd(23)}${text}`;
  const lines = [
    `memhook demo   ${scene.url}   ${Math.round(scene.elapsedMs / 1000)} s   Ctrl-C ends it`,
    "",
    row(
      "events in",
      `${count("events_accepted")}   duplicates ${count("events_duplicate")}   coalesced ${count("jobs_coalesced")}`,
    ),
    row("accounts in memory", String(ledger.indexed + ledger.stored)),
    row(
      "syncs",
      `${count("syncs_written")} written   ${count("syncs_unchanged")} unchanged   ${count("syncs_removed")} forgotten`,
    ),
    row("webhook → searchable", latencyText(scene.latenciesMs)),
    row("queue", `${queue.size} waiting   ${figures.deadLetters} dead letters   circuits: ${circuits.join(", ")}`),
    "",
    "  the sales team",
    ...padded(scene.changes.slice(-CHANGES_SHOWN).map((change) => `    ${change}`)),
    "",
    `  the memory, asked for "${scene.question}"`,
    ...answerLines(scene.hit),
  ];
  const widest = Math.min(WIDTH_MAX, width - 1);
  return lines.map((line) => (line.length > widest ? `${line.slice(0, widest - 1)}…` : line));
}

/** One line for output that nobody redraws. */
export function demoLine(figures: Figures, scene: DemoScene): string {
  const { counters, queue } = figures;
  const change = scene.changes.at(-1) ?? "";
  return [
    `${String(Math.round(scene.elapsedMs / 1000)).padStart(4)} s`,
    `events ${counters["events_accepted"] ?? 0}`,
    `written ${counters["syncs_written"] ?? 0}`,
    `coalesced ${counters["jobs_coalesced"] ?? 0}`,
    `queue ${queue.size}`,
    latencyText(scene.latenciesMs),
    change,
  ].join("  ");
}

/** "median 38 ms, slowest 210 ms". */
export function latencyText(latenciesMs: readonly number[]): string {
  if (latenciesMs.length === 0) return "nothing measured yet";
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return `median ${Math.round(median)} ms, slowest ${Math.round(sorted.at(-1) ?? 0)} ms`;
}

function answerLines(hit: SearchHit | undefined): readonly string[] {
  if (hit === undefined) return ["    nothing yet", "", ""];
  const snippet = hit.snippet
    .replace(/#+ |\s+/g, " ")
    .replace(/ +/g, " ")
    .trim();
  return [`    ${hit.title}`, `    ${snippet}`, ""];
}

function padded(lines: readonly string[]): readonly string[] {
  return [...lines, ...Array.from({ length: Math.max(0, CHANGES_SHOWN - lines.length) }, () => "")];
}
