import assert from "node:assert/strict";
import { test } from "node:test";
import { renderColumns } from "./table.ts";

test("the table has a column a setting, with the median and the range of the rounds", () => {
  const rows = [
    { figure: "load: s", values: [[10.04, 9, 30], [1234.5]] },
    { figure: "search: ms", values: [[], [150.26, 150.24]] },
  ];
  assert.equal(
    renderColumns(["one", "two"], rows),
    [
      "| figure | one | two |",
      "| --- | ---: | ---: |",
      "| load: s | 10 (9 – 30) | 1,235 |",
      "| search: ms |  | 150 (150 – 150) |",
      "",
    ].join("\n"),
  );
});
