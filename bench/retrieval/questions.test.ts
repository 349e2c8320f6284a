import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { AccountTruth, ShownRecord } from "../../src/simulator/fake-zoho/crm.ts";
import { type Corpus, makeCorpus, NOW } from "./corpus.ts";
import { TEMPLATES } from "./question-templates.ts";
import { ANSWERS_MAX, drawQuestions, mergeRanks, recallOf } from "./questions.ts";

describe("recall", () => {
  test("is the share of the right accounts among the first five different ones", () => {
    assert.equal(recallOf(["1"], ["1"]), 1);
    assert.equal(recallOf(["1", "2"], ["3", "1"]), 0.5);
    assert.equal(recallOf(["6"], ["1", "1", "2", "2", "3", "4", "6"]), 1);
    assert.equal(recallOf(["6"], ["1", "2", "3", "4", "5", "6"]), 0);
    assert.equal(recallOf(["1"], []), 0);
  });
});

describe("two rankings merged", () => {
  test("keep the first of each in front, and what both have before all", () => {
    assert.deepEqual(
      mergeRanks([
        ["a", "b", "c"],
        ["d", "c"],
      ]),
      ["c", "a", "d", "b"],
    );
    assert.deepEqual(mergeRanks([["a", "a", "b"], []]), ["a", "b"]);
  });
});

describe("an account answers", () => {
  const ask = (truth: Partial<AccountTruth>) => TEMPLATES.flatMap((template) => template.asks(truthOf(truth), NOW));

  test("who has a role there, and who is in its city", () => {
    const contact = {
      id: "1",
      Title: "IT Director",
      Full_Name: "Jane Doe",
      Email: "j@acme.example",
      Mailing_City: "Leeds",
    };
    const asked = ask({ contacts: [contact] });
    assert.ok(asked.includes("Who is the IT Director at Kestrel Robotics?"));
    assert.ok(asked.includes("Who is the IT Director in Leeds?"));
    assert.ok(asked.includes("Where does Jane Doe work?"));
  });

  test("what slipped, when an open deal should be closed by now", () => {
    const deal = { id: "1", Deal_Name: "Kestrel Robotics – Fleet Tracking", Owner: { name: "Ben Okoye", id: "9" } };
    const slips = (fields: ShownRecord) =>
      ask({ deals: [{ ...deal, ...fields }] }).filter((text) => /slipped/.test(text));
    assert.equal(slips({ Stage: "Qualification", Closing_Date: "2026-11-23" }).length, 2);
    assert.equal(slips({ Stage: "Qualification", Closing_Date: "2026-11-24" }).length, 0);
    assert.equal(slips({ Stage: "Closed Won", Closing_Date: "2026-11-23" }).length, 0);
  });

  test("what was promised in the last call, when there was a call and a promise", () => {
    const note = {
      id: "1",
      Note_Content: "Agreed: pilot with 15 seats, Jane Doe decides.",
      Owner: { name: "x", id: "9" },
    };
    const promised = (truth: Partial<AccountTruth>) => ask(truth).some((text) => /last call/.test(text));
    assert.equal(promised({ notes: [note], calls: [{ id: "2" }] }), true);
    assert.equal(promised({ notes: [note] }), false);
    assert.equal(promised({ calls: [{ id: "2" }] }), false);
  });

  test("nothing about what it does not have", () => {
    assert.deepEqual(ask({}), ["How healthy is Kestrel Robotics and who looks after it?"]);
  });
});

describe("questions drawn from a CRM", () => {
  let corpus: Corpus;
  before(async () => {
    corpus = await makeCorpus({ accounts: 60, seed: 1 });
  });
  const draw = (seed: number) => drawQuestions(corpus.truths, { seed, now: NOW });

  test("are twenty, half of which do not name the account, each with one to five right accounts", () => {
    const questions = draw(1);
    assert.equal(questions.length, 20);
    assert.equal(questions.filter(({ isNamed }) => isNamed).length, 10);
    for (const { right } of questions) assert.ok(right.length >= 1 && right.length <= ANSWERS_MAX);
  });

  test("name the account when they say so, and not otherwise", () => {
    const names = new Map(corpus.truths.map(({ account }) => [String(account["id"]), String(account["Account_Name"])]));
    for (const { text, isNamed, right } of [1, 2, 3].flatMap(draw)) {
      const isIn = right.some((id) => text.includes((names.get(id) ?? "").split(" ").slice(0, 2).join(" ")));
      assert.equal(isIn, isNamed, text);
    }
  });

  test("are the same for the same seed, and others for another", async () => {
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
    const again = await makeCorpus({ accounts: 60, seed: 1 });
    assert.deepEqual(again.documents, corpus.documents);
    assert.deepEqual(again.changes, corpus.changes);
  });
});

function truthOf(truth: Partial<AccountTruth>): AccountTruth {
  return {
    account: { id: "7", Account_Name: "Kestrel Robotics GmbH" },
    ...{ contacts: [], deals: [], tasks: [], events: [], calls: [], notes: [] },
    ...truth,
  };
}
