import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { accountKey, type ChildRecord, type FieldValue, type MemoryDocument } from "../../src/account.ts";
import { renderDocument } from "../../src/memory/document.ts";
import { defaultFieldPolicy } from "../../src/memory/field-policy.ts";
import { joinParts, partsOf, sectionName } from "./document-parts.ts";
import { accountIdOfName, documentName, SHAPES, type Shape } from "./shapes.ts";

const ACCOUNT_ID = "4876876000000123001";
const NAME = "Acme $& Söhne";

function documentOf(fields: Record<string, FieldValue>, children: readonly ChildRecord[]): MemoryDocument {
  const record = { id: ACCOUNT_ID, fields: { Account_Name: NAME, ...fields } };
  return renderDocument({ account: accountKey(ACCOUNT_ID), record, children, readAt: 1 }, defaultFieldPolicy);
}

const JANE: ChildRecord = { module: "Contacts", id: "20", fields: { Full_Name: "Jane Doe", Title: "CTO" } };
const DEAL: ChildRecord = { module: "Deals", id: "30", fields: { Deal_Name: "Gears", Stage: "Negotiation" } };
const NOTE: ChildRecord = {
  module: "Notes",
  id: "50",
  fields: { Note_Content: "## Contacts (9)\n\n### no\n- heading" },
};
const WHOLE = documentOf({ Industry: "Gears", Own__c: "seven" }, [JANE, DEAL, NOTE]);

function shapeOf(name: string): Shape {
  const shape = SHAPES.find((candidate) => candidate.name === name);
  assert.ok(shape, name);
  return shape;
}

describe("the parts of a document", () => {
  test("make it up again, whatever its texts imitate", () => {
    for (const document of [WHOLE, documentOf({}, []), documentOf({}, [NOTE])]) {
      assert.equal(joinParts(partsOf(document.text)), document.text);
    }
  });

  test("are its title, its sections and their records", () => {
    const { title, sections } = partsOf(WHOLE.text);
    assert.equal(title, NAME);
    assert.deepEqual(
      sections.map((section) => [sectionName(section), section.records.length]),
      [
        ["Account", 1],
        ["Contacts", 1],
        ["Deals", 1],
        ["Notes", 1],
      ],
    );
  });

  test("are not taken from another text", () => {
    assert.throws(() => partsOf("# Acme\n"), /not a document of memhook/);
  });
});

describe("every shape", () => {
  for (const shape of SHAPES) {
    test(`${shape.name}: loses no record and leads back to its account`, () => {
      const texts = shape.texts(WHOLE);
      const all = texts.map(({ text }) => text).join("");
      for (const word of ["Gears", "seven", "contact 20", "CTO", "deal 30", "note 50", "no", ACCOUNT_ID]) {
        assert.ok(all.includes(word), word);
      }
      assert.equal(new Set(texts.map(({ name }) => name)).size, texts.length);
      for (const { name, text } of texts) {
        assert.equal(accountIdOfName(name), ACCOUNT_ID);
        assert.match(name, /^[a-z0-9-]+$/);
        assert.equal(text.match(/^<<<|>>>$/gm)?.length, 4, "the frame stands, and only it");
      }
    });
  }

  test("leaves other names alone", () => {
    for (const name of ["zoho-", "zoho-x", "notes", "zoho-1x"]) assert.equal(accountIdOfName(name), undefined);
    assert.equal(accountIdOfName(documentName(WHOLE)), ACCOUNT_ID);
  });
});

test("headings say whose they are", () => {
  const [text] = shapeOf("headings, 512").texts(WHOLE);
  const headings = text?.text.match(/^##.*$/gm) ?? [];
  assert.equal(headings.length, 8);
  for (const heading of headings) assert.ok(heading.endsWith(` of ${NAME}`), heading);
});

test("a fact is one paragraph that names the account and the record", () => {
  const [text] = shapeOf("facts, 256").texts(WHOLE);
  const facts = text?.text.split("\n").filter((line) => line.startsWith("- ")) ?? [];
  assert.deepEqual(facts, [
    `- ${NAME}: Industry: Gears`,
    `- ${NAME}, Other: Own__c: seven`,
    `- ${NAME}, Jane Doe (contact 20): Title: CTO`,
    `- ${NAME}, Gears (deal 30): Stage: Negotiation`,
    `- ${NAME}, note 50: Text: \\## Contacts (9) \\### no - heading`,
  ]);
});

test("a new note changes the document of the notes alone", () => {
  const more: ChildRecord = { module: "Notes", id: "51", fields: { Note_Content: "more" } };
  const { texts } = shapeOf("sections");
  const before = texts(WHOLE);
  const after = texts(documentOf({ Industry: "Gears", Own__c: "seven" }, [JANE, DEAL, NOTE, more]));
  const changed = after.filter(({ text }, index) => text !== before[index]?.text);
  assert.deepEqual(
    changed.map(({ name }) => name),
    [`zoho-${ACCOUNT_ID}-notes`],
  );
});
