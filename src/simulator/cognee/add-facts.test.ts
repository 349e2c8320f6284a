import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type Caller, type Check, formOf } from "./rig.test.ts";

/** What `POST /add` stores, recognises and refuses. */
export function addFacts(check: Check): void {
  check("answers with one id a file, by position, known and new files mixed", async (caller) => {
    const dataset = await caller.dataset();
    const [known] = await caller.added(dataset, [["a.txt", "zebra"]]);
    const { body } = await caller.add(dataset, [
      ["b.txt", "giraffe"],
      ["a.txt", "zebra"],
      ["c.txt", "lion"],
    ]);
    assert.equal(body.status, "PipelineRunCompleted");
    assert.equal(body.dataset_id, dataset);
    const reports: { data_id: string; run_info: { status: string } }[] = body.data_ingestion_info;
    assert.deepEqual(
      reports.map(({ run_info }) => run_info.status),
      ["PipelineRunCompleted", "PipelineRunAlreadyCompleted", "PipelineRunCompleted"],
    );
    assert.equal(reports[1]?.data_id, known);
    assert.deepEqual(await namesById(caller, dataset), {
      [String(reports[0]?.data_id)]: "b",
      [String(known)]: "a",
      [String(reports[2]?.data_id)]: "c",
    });
  });

  check("recognises the same bytes whatever their name, and refreshes nothing", async (caller) => {
    const dataset = await caller.dataset();
    const [id] = await caller.added(dataset, [["a.txt", "zebra"]], { labels: "first" });
    const [again] = await caller.added(dataset, [["b.txt", "zebra"]], {
      labels: "second",
      external_metadata: '[{"key":"2"}]',
      node_set: "tag",
    });
    assert.equal(again, id);
    const [row, ...others] = await caller.rows(dataset);
    assert.deepEqual([row.name, row.label, others.length], ["a", "first", 0]);
    assert.equal(row.externalMetadata?.key, undefined);
    const elsewhere = await caller.dataset();
    assert.notEqual((await caller.added(elsewhere, [["a.txt", "zebra"]]))[0], id);
  });

  check("makes one row of the same bytes sent three times at once", async (caller) => {
    const dataset = await caller.dataset();
    const ids = await Promise.all([1, 2, 3].map(() => caller.added(dataset, [["a.txt", "zebra"]])));
    assert.equal(new Set(ids.flat()).size, 1);
    assert.equal((await caller.rows(dataset)).length, 1);
  });

  check("makes two rows of the same bytes twice in one request, and answers with one id", async (caller) => {
    const dataset = await caller.dataset();
    const ids = await caller.added(
      dataset,
      [
        ["a.txt", "zebra"],
        ["b.txt", "zebra"],
      ],
      { labels: '["one","two"]' },
    );
    assert.equal(ids.length, 2);
    assert.equal(ids[0], ids[1]);
    const rows = await caller.rows(dataset);
    assert.deepEqual(new Set(rows.map(({ label }) => label)), new Set(["one", "two"]));
    assert.equal(new Set(rows.map(({ id }) => id)).size, 2);
  });

  check(
    "refuses another content under a text name with 409 that names the document; nothing is stored",
    async (caller) => {
      for (const name of ["a.txt", "a.TXT", "a.text", "a.html", "a", "a.unknown"]) {
        const dataset = await caller.dataset();
        const [id] = await caller.added(dataset, [[name, "zebra"]]);
        for (const fields of [{}, { run_in_background: "true" }]) {
          const refused = await caller.add(
            dataset,
            [
              ["new.txt", "lion"],
              [name, "giraffe"],
            ],
            fields,
          );
          assert.equal(refused.status, 409, name);
          assert.equal(refused.body.error, "Document already exists; use the update endpoint");
          assert.ok(refused.body.detail.includes(`'a.txt' (data_id ${id})`), refused.body.detail);
        }
        assert.equal((await caller.rows(dataset)).length, 1);
      }
    },
  );

  check("makes a second document of another content under other names", async (caller) => {
    const dataset = await caller.dataset();
    const endings = ["md", "markdown", "json", "yaml", "yml", "xml"];
    for (const word of ["zebra", "giraffe"])
      await caller.added(
        dataset,
        endings.map((ending) => [`${ending}.${ending}`, `{"${word}":"${ending}"}`] as const),
      );
    assert.equal((await caller.rows(dataset)).length, 2 * endings.length);
  });

  check("refuses a text name whose document came under another ending", async (caller) => {
    const dataset = await caller.dataset();
    await caller.added(dataset, [["a.md", "zebra"]]);
    assert.equal((await caller.add(dataset, [["a.txt", "giraffe"]])).status, 409);
  });

  check("takes two contents under one name in one request, and refuses each of them from then on", async (caller) => {
    const dataset = await caller.dataset();
    const ids = await caller.added(dataset, [
      ["a.txt", "zebra"],
      ["a.txt", "giraffe"],
    ]);
    for (const [text, named] of [
      ["zebra", [ids[1]]],
      ["giraffe", [ids[0]]],
      ["lion", ids],
    ] as const) {
      const { status, body } = await caller.add(dataset, [["a.txt", text]]);
      assert.equal(status, 409);
      for (const id of ids) assert.equal(body.detail.includes(id), named.includes(id), `${text}: ${body.detail}`);
    }
  });

  check("cuts the last ending and the path off a name, and keeps its case", async (caller) => {
    const dataset = await caller.dataset();
    const names = ["zoho.account.77", "dir/Upper.txt", "dir\\back.txt", "plain"];
    const ids = await caller.added(
      dataset,
      names.map((name) => [name, `text of ${name}`] as const),
    );
    const byId = await namesById(caller, dataset);
    assert.deepEqual(
      ids.map((id) => byId[id]),
      ["zoho.account", "Upper", "back", "plain"],
    );
  });

  check("takes labels as JSON or with commas; an empty one skips its file", async (caller) => {
    const labelled = async (labels: string) => {
      const dataset = await caller.dataset();
      const ids = await caller.added(
        dataset,
        [
          ["a.txt", "zebra"],
          ["b.txt", "giraffe"],
        ],
        { labels },
      );
      const rows = await caller.rows(dataset);
      return ids.map((id) => rows.find((row) => row.id === id)?.label);
    };
    assert.deepEqual(await labelled('["one","two"]'), ["one", "two"]);
    assert.deepEqual(await labelled("one,two"), ["one", "two"]);
    assert.deepEqual(await labelled('["","two"]'), [null, "two"]);
    assert.deepEqual(await labelled('["","",""]'), [null, null]);
  });

  check("refuses labels and metadata that do not fit the files, and the reserved key", async (caller) => {
    const dataset = await caller.dataset();
    for (const [fields, errorClass] of [
      [{ labels: '["one","two"]' }, "LabelCountMismatchError"],
      [{ labels: "[1]" }, "InvalidLabelsError"],
      [{ external_metadata: '[{"key":"1"},null]' }, "ExternalMetadataCountMismatchError"],
      [{ external_metadata: "no JSON" }, "InvalidExternalMetadataError"],
      [{ external_metadata: '{"key":"1"}' }, "InvalidExternalMetadataError"],
      [{ external_metadata: '[{"node_set":["tag"]}]' }, "InvalidExternalMetadataError"],
    ] as const) {
      const { status, body } = await caller.add(dataset, [["a.txt", "zebra"]], fields);
      assert.equal(status, 400, JSON.stringify(fields));
      assert.ok(body.detail.endsWith(`[${errorClass}]`), body.detail);
    }
    assert.deepEqual(await caller.rows(dataset), []);
  });

  check("ignores metadata that is all empty, whatever its length", async (caller) => {
    const dataset = await caller.dataset();
    await caller.added(dataset, [["a.txt", "zebra"]], { external_metadata: "[{},null,{}]" });
  });

  check("refuses a form without a file, and one whose file is a text", async (caller) => {
    const dataset = await caller.dataset();
    const none = await caller.add(dataset, []);
    assert.equal(none.status, 400);
    assert.match(none.body.error, /at least one file/);
    const text = await caller.add(dataset, [], { data: "zebra" });
    assert.equal(text.status, 400);
    assert.match(text.body.detail, /accepts file uploads only/);
  });

  check("takes null for a file without metadata", async (caller) => {
    const dataset = await caller.dataset();
    const ids = await caller.added(
      dataset,
      [
        ["a.txt", "zebra"],
        ["b.txt", "giraffe"],
      ],
      { external_metadata: '[null,{"key":"2"}]' },
    );
    const rows = await caller.rows(dataset);
    assert.deepEqual(
      ids.map((id) => rows.find((row) => row.id === id)?.externalMetadata?.key),
      [undefined, "2"],
    );
  });

  check("makes the dataset of an unknown name, and refuses a form that names none", async (caller) => {
    const name = `facts_${randomUUID()}`;
    const byName = await caller.call("POST", "/add", { form: formOf([["a.txt", "zebra"]], { datasetName: name }) });
    assert.equal(byName.status, 200);
    assert.equal(byName.body.dataset_name, name);
    assert.equal((await caller.rows(byName.body.dataset_id)).length, 1);
    assert.equal((await caller.call("POST", "/add", { form: formOf([["a.txt", "zebra"]]) })).status, 400);
  });

  check("repeats of an upload only its name and headers when it refuses the form", async (caller) => {
    const { status, body } = await caller.add("not-a-uuid", [["a.txt", "zebra"]]);
    assert.equal(status, 400);
    assert.ok(Array.isArray(body.detail));
    assert.ok(!JSON.stringify(body).includes("zebra"));
    assert.ok(JSON.stringify(body.body).includes("a.txt"));
  });

  check("takes an empty file", async (caller) => {
    const dataset = await caller.dataset();
    await caller.added(dataset, [["a.txt", ""]]);
    assert.equal((await caller.rows(dataset))[0].dataSize, 0);
  });

  check("gives no ids for an add in the background", async (caller) => {
    const dataset = await caller.dataset();
    const { status, body } = await caller.add(dataset, [["a.txt", "zebra"]], { run_in_background: "true" });
    assert.deepEqual([status, body.status, body.payload], [200, "PipelineRunStarted", []]);
    assert.equal(body.data_ingestion_info ?? null, null);
    // The next add waits for the lock, and so for the end of the first.
    await caller.added(dataset, [["b.txt", "giraffe"]]);
    assert.equal((await caller.rows(dataset)).length, 2);
  });
}

async function namesById(caller: Caller, dataset: string): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await caller.rows(dataset)).map(({ id, name }) => [id, name]));
}
