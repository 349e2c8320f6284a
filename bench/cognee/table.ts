import { median } from "../statistics.ts";

/** One figure in several settings, measured once a round in each. */
export interface Row {
  readonly figure: string;
  /** One entry a column; the rounds of each. */
  readonly values: readonly (readonly number[])[];
}

/** A Markdown table: a column a setting, each cell the median with the least and the greatest of its rounds. */
export function renderColumns(columns: readonly string[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = line(["---", ...columns.map(() => "---:")]);
  const body = rows.map(({ figure, values }) => line([figure, ...values.map(cellOf)]));
  return `${[line(["figure", ...columns]), rule, ...body].join("\n")}\n`;
}

function cellOf(rounds: readonly number[]): string {
  if (rounds.length === 0) return "";
  const range = rounds.length === 1 ? "" : ` (${number(Math.min(...rounds))} – ${number(Math.max(...rounds))})`;
  return `${number(median(rounds))}${range}`;
}

/** Three digits are as many as a benchmark can mean. */
function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-GB") : String(Number(value.toPrecision(3)));
}
