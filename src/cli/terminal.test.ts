import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openTerminal, renderTable, safeText } from "./terminal.ts";

function captured(options: {
  readonly isJson?: boolean;
  readonly isTTY?: boolean;
  readonly env?: Record<string, string>;
}) {
  const said = { out: "", err: "" };
  const terminal = openTerminal({
    out: { write: (text) => (said.out += text), isTTY: options.isTTY, columns: 60 },
    err: { write: (text) => (said.err += text) },
    env: options.env ?? {},
    isJson: options.isJson ?? false,
  });
  return { terminal, said };
}

const ROWS = [["dl_1", "a message of several words that is far too long for the width that there is"]];

describe("a table", () => {
  test("fits the width of the terminal", () => {
    const table = renderTable(["id", "message"], ROWS, { width: 40, hasColour: false });
    for (const line of table.split("\n")) assert.ok(line.length <= 40, line);
    assert.match(table, /^ID +MESSAGE\ndl_1 +a message/);
  });

  test("is never cut or wrapped where a program may read it", () => {
    const { terminal, said } = captured({});
    terminal.table(["id", "message"], ROWS);
    assert.equal(said.out.trimEnd().split("\n").length, 2);
    assert.match(said.out, /the width that there is\n$/);
  });

  test("has no colour off a TTY, nor with NO_COLOR", () => {
    const mark = "\u001b";
    const [plain, pipe] = [captured({ isTTY: true, env: { NO_COLOR: "1" } }), captured({})];
    for (const { terminal } of [plain, pipe]) terminal.table(["id"], [["1"]]);
    assert.ok(!plain.said.out.includes(mark));
    assert.ok(!pipe.said.out.includes(mark));
  });
});

test("text of others cannot command the terminal", () => {
  assert.equal(safeText("Acme\u001b]0;owned\u0007 \u202eevil\u0000\r\nrow"), "Acme ]0;owned   evil row");
  const { terminal, said } = captured({});
  terminal.table(["title"], [["\u001b[31mred\u001b[0m"]]);
  assert.ok(!said.out.includes("\u001b"));
});

test("programs hear results and errors only", () => {
  const { terminal, said } = captured({ isJson: true });
  terminal.note("a hint");
  terminal.progress("syncing", 3).update(1);
  assert.deepEqual(said, { out: "", err: "" });
  terminal.error("SOME_CODE", "went wrong");
  assert.deepEqual(JSON.parse(said.err), { error: { code: "SOME_CODE", message: "went wrong" } });
});
