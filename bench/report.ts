import { cpus, loadavg, totalmem } from "node:os";
import Table from "cli-table3";
import { median } from "./statistics.ts";

/** The bound that a figure is held to. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** One row: a figure, measured once a round. */
export interface Measurement {
  /** What was run, as in `ingest, 64 connections: memhook`. */
  readonly what: string;
  /** What was measured, with its unit, as in `requests/s`. */
  readonly figure: string;
  readonly rounds: readonly number[];
  readonly target?: Target;
}

/** A whole run. */
export interface Report {
  readonly date: string;
  readonly machine: string;
  /** Acknowledged and not found again. Anything but 0 makes every other figure worthless. */
  readonly lost: number;
  readonly measurements: readonly Measurement[];
}

/** The machine in one line, without its name, and how busy others kept it before the run: noise in everything below. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} cores (${cpu?.model.trim()}), ${memory} GiB, ${process.platform}, Node ${process.versions.node}, load before the run ${loadavg()[0]?.toFixed(1)}`;
}

/** True when the median keeps to the target, or when there is none. */
export function isMet(measurement: Measurement): boolean {
  const { target } = measurement;
  if (target === undefined) return true;
  const value = median(measurement.rounds);
  return "atLeast" in target ? value >= target.atLeast : value <= target.atMost;
}

const HEAD = ["what", "figure", "median", "min – max", "target", "met"];

/** The table for a terminal. */
export function renderTable(report: Report): string {
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  for (const measurement of report.measurements) table.push(cells(measurement));
  return `${report.date}  ${report.machine}\n${lostLine(report)}\n${table.toString()}\n`;
}

/** The same table as Markdown, for RESULTS.md. */
export function renderMarkdown(report: Report): string {
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  const rows = report.measurements.map((measurement) => line(cells(measurement)));
  const rule = line(["---", "---", "---:", "---:", "---:", "---"]);
  return `${report.date}, ${report.machine}\n\n**${lostLine(report)}**\n\n${[line(HEAD), rule, ...rows].join("\n")}\n`;
}

/** The run as one object for programs. */
export function renderJson(report: Report): string {
  const measurements = report.measurements.map((measurement) => ({
    ...measurement,
    median: median(measurement.rounds),
    isMet: isMet(measurement),
  }));
  return `${JSON.stringify({ ...report, measurements })}\n`;
}

function lostLine(report: Report): string {
  return `lost: ${report.lost} acknowledged events`;
}

function cells(measurement: Measurement): string[] {
  const { what, figure, rounds, target } = measurement;
  const range = rounds.length > 1 ? `${number(Math.min(...rounds))} – ${number(Math.max(...rounds))}` : "";
  const met = target === undefined ? "" : isMet(measurement) ? "yes" : "NO";
  return [what, figure, number(median(rounds)), range, targetText(target), met];
}

function targetText(target: Target | undefined): string {
  if (target === undefined) return "";
  return "atLeast" in target ? `≥ ${number(target.atLeast)}` : `≤ ${number(target.atMost)}`;
}

/** Three digits are as many as a benchmark can mean. */
function number(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-GB");
  return value.toLocaleString("en-GB", { maximumSignificantDigits: 3 });
}
