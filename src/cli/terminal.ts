import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";

/** A stream to write to, as `process.stdout` is one. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** What a terminal is made of. */
export interface TerminalOptions {
  readonly out: Output;
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True = programs read: results and errors are JSON, and nothing else is said. */
  readonly isJson: boolean;
}

/** Progress of long work; silent where nobody watches. */
export interface Progress {
  update(done: number): void;
  stop(): void;
}

/** Where commands speak. Results go to standard output; errors and progress to standard error. */
export interface Terminal {
  readonly isJson: boolean;
  /** One line of result, for people. */
  line(text: string): void;
  /** Text that has its own lines, as it is. */
  raw(text: string): void;
  /** One JSON value of result, for programs. */
  json(value: unknown): void;
  /** Rows of result, for people. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void;
  /** One line that is no result: a warning or a hint. Not said to programs. */
  note(text: string): void;
  /** One error: a clear line, or one JSON object. */
  error(code: string, message: string, details?: Readonly<Record<string, unknown>>): void;
  progress(label: string, total: number): Progress;
  /** A place to redraw, on standard error; undefined where nobody watches. */
  screen(): Screen | undefined;
}

/** Lines that are drawn over the last ones. */
export interface Screen {
  readonly width: number;
  draw(lines: readonly string[]): void;
}

/** Narrowest column that still says something. */
const COLUMN_WIDTH_MIN = 8;
/** Assumed where a terminal does not tell its width. */
const WIDTH_DEFAULT = 80;
/** Blanks between two columns. */
const GAP = "  ";

/** Opens a terminal on two streams. Colours only on a TTY and without NO_COLOR. */
export function openTerminal(options: TerminalOptions): Terminal {
  const { out, err, isJson } = options;
  const hasColour = out.isTTY === true && !options.env["NO_COLOR"] && options.env["TERM"] !== "dumb";
  const width = out.isTTY === true ? out.columns || WIDTH_DEFAULT : undefined;
  return {
    isJson,
    line: (text) => void out.write(`${safeText(text)}\n`),
    raw: (text) => void out.write(text),
    json: (value) => void out.write(`${JSON.stringify(value, undefined, 2)}\n`),
    table: (head, rows) => void out.write(`${renderTable(head, rows, { width, hasColour })}\n`),
    note: (text) => {
      if (!isJson) err.write(`${safeText(text)}\n`);
    },
    error: (code, message, details) => {
      const isPlain = code === "MISUSED" || message.startsWith(code);
      const told = { error: { code, message, ...details } };
      err.write(isJson ? `${JSON.stringify(told)}\n` : `memhook: ${isPlain ? "" : `${code}: `}${safeText(message)}\n`);
    },
    progress: (label, total) => openProgress(err, isJson, { label, total }),
    screen: () => (isJson || err.isTTY !== true ? undefined : openScreen(err)),
  };
}

/** Redraws by moving the cursor up over the last drawing: what stood above stays, and stays scrollable. */
function openScreen(err: Output): Screen {
  let drawn = 0;
  return {
    get width() {
      return err.columns || WIDTH_DEFAULT;
    },
    draw: (lines) => {
      const up = drawn === 0 ? "" : `\u001b[${drawn}A`;
      err.write(`${up}${lines.map((line) => `\u001b[2K${safeText(line)}\n`).join("")}`);
      drawn = lines.length;
    },
  };
}

/**
 * Text of others without what a terminal would obey: control characters (the escape that recolours, retitles or
 * answers) and the marks that turn the direction of text.
 */
export function safeText(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ");
}

/** A table without frames, so that it can be read, copied and searched. `width` undefined = as wide as it likes. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  look: { readonly width: number | undefined; readonly hasColour: boolean },
): string {
  const cells = rows.map((row) => row.map(safeText));
  const table = new Table({
    head: head.map((title) => title.toUpperCase()),
    chars: { ...NO_FRAME, middle: GAP },
    style: { "padding-left": 0, "padding-right": 0, head: look.hasColour ? ["bold"] : [], border: [], compact: true },
    wordWrap: true,
    wrapOnWordBoundary: false,
    ...(look.width === undefined ? {} : { colWidths: fittingWidths([head, ...cells], look.width) }),
  });
  table.push(...cells.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

const NO_FRAME = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
} as const;

/** Widths that fit: each column as wide as it needs, the widest giving way until the row fits or none can. */
function fittingWidths(rows: readonly (readonly string[])[], width: number): number[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(1, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const room = width - GAP.length * (columns - 1);
  let excess = widths.reduce((sum, each) => sum + each, 0) - room;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= COLUMN_WIDTH_MIN) break;
    widths[widths.indexOf(widest)] = widest - 1;
    excess -= 1;
  }
  return widths;
}

function openProgress(
  err: Output,
  isJson: boolean,
  work: { readonly label: string; readonly total: number },
): Progress {
  // cli-progress writes to a real stream only; on anything else there is nobody to watch.
  if (isJson || err.isTTY !== true || err !== process.stderr) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar(
    { format: `${work.label} {bar} {value}/{total}`, stream: process.stderr, hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  bar.start(work.total, 0);
  return { update: (done) => bar.update(done), stop: () => bar.stop() };
}
