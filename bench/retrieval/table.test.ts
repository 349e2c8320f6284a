import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Cost, ShapeResult } from "./run-shape.ts";
import { recallOfAll, renderShapes, renderShapesMarkdown } from "./table.ts";

const COST: Cost = { seconds: 1.25, cpuSeconds: 1.5, bytes: 2_000, chatCalls: 2, embeddingCalls: 6, embeddedTexts: 12 };

function answer(recall: number, kind: Answer["kind"] = "CHUNKS", isNamed = true): Answer {
  return { question: { text: "?", isNamed, right: ["1"] }, kind, recall };
}

const RESULT: ShapeResult = {
  name: "document",
  documents: 60,
  chunks: 61,
  load: COST,
  answers: [
    [answer(1), answer(0, "CHUNKS", false), answer(1, "CHUNKS_LEXICAL"), answer(1, "merged")],
    [answer(1), answer(1, "CHUNKS", false), answer(0, "CHUNKS_LEXICAL"), answer(1, "merged")],
  ],
  searchMs: { CHUNKS: 150.4, CHUNKS_LEXICAL: 60 },
  changes: { field: [COST, { ...COST, seconds: 2.75 }], note: [COST], name: [COST] },
};

test("recall is that of all questions of all sets, on CHUNKS", () => {
  assert.equal(recallOfAll(RESULT), 0.75);
});

test("the table has a column a shape, with the mean and the range of the sets", () => {
  const lines = renderShapesMarkdown([RESULT, { ...RESULT, name: "other" }]).split("\n");
  assert.equal(lines[0], "| figure | document | other |");
  assert.ok(lines.includes("| recall@5, CHUNKS | 0.75 (0.50–1.00) | 0.75 (0.50–1.00) |"));
  assert.ok(lines.includes("| … account not named | 0.50 (0.00–1.00) | 0.50 (0.00–1.00) |"));
  assert.ok(lines.includes("| recall@5, CHUNKS_LEXICAL | 0.50 (0.00–1.00) | 0.50 (0.00–1.00) |"));
  assert.ok(lines.includes("| one field of a deal: s | 2.0 | 2.0 |"));
  assert.ok(lines.includes("| load: embedding calls (texts) | 6 (12) | 6 (12) |"));
});

test("a terminal sees the same figures", () => {
  for (const word of ["document", "0.75", "150 + 60", "6 (12)"]) assert.ok(renderShapes([RESULT]).includes(word), word);
});
