import assert from "node:assert/strict";
import { type Caller, type Check, NOWHERE } from "./rig.test.ts";

/** What the graph holds, and what it keeps of documents that are gone. */
export function graphFacts(check: Check): void {
  check("holds documents, pieces and what they mention, in the words of the document read last", async (caller) => {
    const { dataset, ids } = await people(caller);
    const { nodes, edges } = await graphOf(caller, dataset);
    const document = nodes.find(({ id }) => id === ids[0]);
    assert.deepEqual([document?.type, document?.label], ["TextDocument", "a"]);
    const piece = edges.find(({ label, target }) => label === "is_part_of" && target === ids[0])?.source;
    assert.equal(nodes.find(({ id }) => id === piece)?.type, "DocumentChunk");
    const firm = nodes.find(({ label }) => label === "firm_acme");
    assert.deepEqual([firm?.type, firm?.properties.description], ["Entity", "Firm_Acme pays."]);
    const person = nodes.find(({ label }) => label === "person_ada");
    assert.ok(
      edges.some(({ label, source, target }) => label === "knows" && source === person?.id && target === firm?.id),
    );
    assert.ok(edges.some((edge) => edge.label === "contains" && edge.source === piece && edge.target === firm?.id));
    assert.equal(await descriptionOf(caller, dataset, "person_ada"), "Beta Person_Ada sells lions.");
  });

  check(
    "keeps the words of a deleted document in what another mentions, and forgets what only it mentioned",
    async (caller) => {
      const { dataset, ids } = await people(caller);
      await caller.call("DELETE", `/datasets/${dataset}/data/${ids[1]}`);
      assert.equal(await descriptionOf(caller, dataset, "person_ada"), "Beta Person_Ada sells lions.");
      assert.equal(await descriptionOf(caller, dataset, "deal_7"), undefined);
    },
  );

  check(
    "keeps the words of a text that an update replaced, unless the new text mentions the entity",
    async (caller) => {
      const { dataset, ids } = await people(caller);
      const update = (text: string) => caller.update({ dataset, document: ids[1] ?? "" }, ["b.txt", text]);
      assert.equal((await update("Gamma Person_Ada rents owls.")).body.status, "incremental");
      assert.equal(await descriptionOf(caller, dataset, "person_ada"), "Gamma Person_Ada rents owls.");
      assert.equal((await update("Nobody is here.")).body.status, "incremental");
      assert.equal(await descriptionOf(caller, dataset, "person_ada"), "Gamma Person_Ada rents owls.");
    },
  );

  check("is cured when a document that mentions the entity is taken out and cognified again", async (caller) => {
    const { dataset, ids } = await people(caller);
    await caller.call("DELETE", `/datasets/${dataset}/data/${ids[1]}`);
    const json = { datasetId: dataset, dataId: ids[0], memoryOnly: true };
    assert.equal((await caller.call("POST", "/forget", { json })).status, 200);
    await caller.cognify(dataset);
    assert.equal(await descriptionOf(caller, dataset, "person_ada"), "Alpha Person_Ada buys zebras.");
  });

  check("is empty where nothing was cognified, and forbidden where there is no dataset", async (caller) => {
    const dataset = await caller.dataset();
    assert.deepEqual(await graphOf(caller, dataset), { nodes: [], edges: [] });
    assert.equal((await caller.call("GET", `/datasets/${NOWHERE}/graph`)).status, 403);
  });
}

interface Graph {
  readonly nodes: readonly {
    readonly id: string;
    readonly label: string;
    readonly type: string;
    readonly properties: { readonly description?: string };
  }[];
  readonly edges: readonly { readonly source: string; readonly target: string; readonly label: string }[];
}

async function graphOf(caller: Caller, dataset: string): Promise<Graph> {
  const { status, body } = await caller.call("GET", `/datasets/${dataset}/graph`);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

async function descriptionOf(caller: Caller, dataset: string, name: string): Promise<string | undefined> {
  return (await graphOf(caller, dataset)).nodes.find(({ label }) => label === name)?.properties.description;
}

/** Two documents that share a person, the second read last. */
async function people(caller: Caller): Promise<{ readonly dataset: string; readonly ids: readonly string[] }> {
  const dataset = await caller.dataset();
  const first = await caller.added(dataset, [["a.txt", "Alpha Person_Ada buys zebras.\nFirm_Acme pays."]]);
  await caller.cognify(dataset);
  const second = await caller.added(dataset, [["b.txt", "Beta Person_Ada sells lions.\nDeal_7 is won."]]);
  await caller.cognify(dataset);
  return { dataset, ids: [...first, ...second] };
}
