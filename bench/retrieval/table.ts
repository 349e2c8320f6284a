import Table from "cli-table3";
import { median } from "../statistics.ts";
import { CHANGE_KINDS, type ChangeKind } from "./corpus.ts";
import type { Answer, AnswerKind, Cost, ShapeResult } from "./run-shape.ts";

/** The figure: recall@5 of the shape that is chosen. */
export const RECALL_MIN = 0.9;

const CHANGE_WORDS: Readonly<Record<ChangeKind, string>> = {
  field: "one field of a deal",
  note: "one note more",
  name: "the account renamed",
};

/** One figure of all shapes. */
interface Row {
  readonly figure: string;
  readonly values: readonly string[];
}

/** Recall@5 on CHUNKS of all questions together. */
export function recallOfAll({ answers }: ShapeResult): number {
  return meanRecall(answers.flat().filter(isChunks));
}

function isChunks({ kind }: Answer): boolean {
  return kind === "CHUNKS";
}

/** The table for a terminal: a column a shape. */
export function renderShapes(results: readonly ShapeResult[]): string {
  const table = new Table({ head: headOf(results), style: { head: [], border: [], compact: true } });
  for (const { figure, values } of rowsOf(results)) table.push([figure, ...values]);
  return `${table.toString()}\n`;
}

/** The same table as Markdown. */
export function renderShapesMarkdown(results: readonly ShapeResult[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = line(["---", ...results.map(() => "---:")]);
  const rows = rowsOf(results).map(({ figure, values }) => line([figure, ...values]));
  return `${[line(headOf(results)), rule, ...rows].join("\n")}\n`;
}

function headOf(results: readonly ShapeResult[]): string[] {
  return ["figure", ...results.map(({ name }) => name)];
}

function rowsOf(results: readonly ShapeResult[]): readonly Row[] {
  const row = (figure: string, textOf: (result: ShapeResult) => string): Row => ({
    figure,
    values: results.map(textOf),
  });
  const recallRow = (figure: string, keeps: (answer: Answer) => boolean) =>
    row(figure, ({ answers }) => recallText(answers.map((set) => set.filter(keeps))));
  const ask = (kind: AnswerKind, isNamed?: boolean) => (answer: Answer) =>
    answer.kind === kind && (isNamed === undefined || answer.question.isNamed === isNamed);
  return [
    recallRow("recall@5, CHUNKS", ask("CHUNKS")),
    recallRow("… account named", ask("CHUNKS", true)),
    recallRow("… account not named", ask("CHUNKS", false)),
    recallRow("recall@5, CHUNKS_LEXICAL", ask("CHUNKS_LEXICAL")),
    recallRow("recall@5, both merged by rank", ask("merged")),
    row(
      "a search: ms, CHUNKS and CHUNKS_LEXICAL",
      ({ searchMs }) => `${searchMs.CHUNKS.toFixed(0)} + ${searchMs.CHUNKS_LEXICAL.toFixed(0)}`,
    ),
    row("documents", ({ documents }) => String(documents)),
    row("chunks", ({ chunks }) => String(chunks)),
    ...costRows("load", ({ load }) => [load], row),
    ...CHANGE_KINDS.flatMap((kind) => costRows(CHANGE_WORDS[kind], ({ changes }) => changes[kind], row)),
  ];
}

function costRows(
  what: string,
  costsOf: (result: ShapeResult) => readonly Cost[],
  row: (figure: string, textOf: (result: ShapeResult) => string) => Row,
): readonly Row[] {
  const middle = (result: ShapeResult, figureOf: (cost: Cost) => number) => median(costsOf(result).map(figureOf));
  return [
    row(`${what}: s`, (result) => middle(result, ({ seconds }) => seconds).toFixed(1)),
    row(`${what}: CPU s of the server`, (result) => middle(result, ({ cpuSeconds }) => cpuSeconds).toFixed(1)),
    row(`${what}: kB sent`, (result) => (middle(result, ({ bytes }) => bytes) / 1_000).toFixed(1)),
    row(`${what}: chat calls`, (result) => String(middle(result, ({ chatCalls }) => chatCalls))),
    row(`${what}: embedding calls (texts)`, (result) => {
      const [calls, texts] = [
        middle(result, (cost) => cost.embeddingCalls),
        middle(result, (cost) => cost.embeddedTexts),
      ];
      return `${calls} (${texts})`;
    }),
  ];
}

/** Of all questions, and how far the sets lie apart. */
function recallText(sets: readonly (readonly Answer[])[]): string {
  const recalls = sets.map(meanRecall);
  const [low, high] = [Math.min(...recalls), Math.max(...recalls)];
  return `${meanRecall(sets.flat()).toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

function meanRecall(answers: readonly Answer[]): number {
  return answers.length === 0 ? 0 : answers.reduce((sum, { recall }) => sum + recall, 0) / answers.length;
}
