import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { plainText } from "./rich-text.ts";
import { utcTime } from "./utc-time.ts";

for (const [what, html, expected] of [
  ["leaves text without mark-up alone", "a < b and c > d\nnext", "a < b and c > d\nnext"],
  ["keeps addresses in angle brackets", "Jane <jane@acme.example> <- her", "Jane <jane@acme.example> <- her"],
  ["makes lines of blocks", "<p>one</p><p>two<br/>three</p>", "one\n\ntwo\nthree"],
  ["makes dashes of list items", "<ul><li>one</li><li>two</li></ul>", "- one\n\n- two"],
  ["drops scripts, styles and comments", "a<script>alert('<b>')</script><style>b{}</style><!-- c -->d", "ad"],
  ["drops a script that is never closed", "a<script>alert(1)", "a"],
  ["keeps the address of a link", '<a href="https://acme.example/x">here</a>!', "here (https://acme.example/x)!"],
  ["keeps no address that is not of the web", '<a href="javascript:alert(1)">here</a>', "here"],
  ["decodes entities once", "&lt;b&gt; &amp;lt; &#65;&#x42; &nbsp;&euro; &unknown; &#0;", "<b> &lt; AB  € &unknown; "],
  ["drops attributes with their content", '<span style="x" onclick="y">text</span>', "text"],
] as const) {
  test(`rich text ${what}`, () => assert.equal(plainText(html), expected));
}

test("rich text of any shape is read in a time that grows with its length alone", () => {
  const ugly = ["<", "<a ", "<a href=", "</", "<!--", "<script>", "&", "&#", "<b", "<b <", "<p>\n "].map((piece) =>
    piece.repeat(60_000),
  );
  const before = process.cpuUsage();
  for (const html of ugly) plainText(html);
  const { user } = process.cpuUsage(before);
  assert.ok(user < 3_000_000, `${user} µs for ${ugly.length} texts`);
});

test("rich text never throws and never grows beyond its source", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("<", ">", "a", "br", "/", " ", "&", ";", "#", "9", "<p>", "</li>", "<li>", "!--", '"')),
      (pieces) => {
        const source = pieces.join("");
        assert.ok(plainText(source).length <= source.length);
      },
    ),
  );
});

for (const [from, to] of [
  ["2026-11-24T13:00:00+05:30", "2026-11-24T07:30:00Z"],
  ["2026-11-24T01:00:00+05:30", "2026-11-23T19:30:00Z"],
  ["2026-12-31T23:30:00-08:00", "2027-01-01T07:30:00Z"],
  ["2026-11-24T13:00:00.123Z", "2026-11-24T13:00:00Z"],
  ["2026-11-24T13:00-0330", "2026-11-24T16:30:00Z"],
  ["2026-11-24T13:00:00", "2026-11-24T13:00:00"],
  ["2026-11-24", "2026-11-24"],
  ["9999-99-99T00:00:00+05:30", "9999-99-99T00:00:00+05:30"],
] as const) {
  test(`the time ${from} is written ${to}`, () => assert.equal(utcTime(from), to));
}

test("a time in any zone is the same instant in UTC", () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date("1990-01-01"), max: new Date("2090-01-01"), noInvalidDate: true }),
      fc.integer({ min: -840, max: 840 }),
      (date, offset) => {
        const instant = Math.floor(date.getTime() / 1_000) * 1_000;
        const local = new Date(instant + offset * 60_000).toISOString().slice(0, 19);
        const zone = `${offset < 0 ? "-" : "+"}${String(Math.trunc(Math.abs(offset) / 60)).padStart(2, "0")}:${String(Math.abs(offset) % 60).padStart(2, "0")}`;
        assert.equal(utcTime(`${local}${zone}`), `${new Date(instant).toISOString().slice(0, 19)}Z`);
      },
    ),
  );
});
