import { type Call, uuidParam } from "./call.ts";
import type { Dataset } from "./dataset.ts";
import { JsonInput } from "./json-input.ts";
import { type CogneeReply, classRefusal, ok, Refusal } from "./reply.ts";
import { assertWhole, permitted, type ServerProcess, stillThere } from "./server-process.ts";

/** `DELETE /datasets/:dataset_id`: the dataset with all that is in it. */
export async function deleteDataset(call: Call): Promise<CogneeReply> {
  const { server } = call;
  await dropDataset(server, permitted(server.store, uuidParam(call, "dataset_id"), "delete"));
  return ok(null);
}

/** `DELETE /datasets/:dataset_id/data/:data_id`: a success as well where there is no such document. */
export async function deleteDocument(call: Call): Promise<CogneeReply> {
  const { server } = call;
  const documentId = uuidParam(call, "data_id");
  const dataset = server.store.dataset(uuidParam(call, "dataset_id"));
  if (dataset === undefined)
    // 401, though the sign-in was good: the dataset is not there, or not ours.
    throw classRefusal(401, "UnauthorizedDataAccessError", `Dataset ${call.params["dataset_id"]} not accessible.`);
  await dropDocument(server, dataset, documentId);
  return ok(null);
}

/** `POST /forget`: a document, a dataset, everything; or their searchable part only, for the next cognify to make anew. */
export async function forget({ server, body }: Call): Promise<CogneeReply> {
  const input = new JsonInput(body);
  const documentId = input.uuid("dataId");
  const isMemoryOnly = input.flag("memoryOnly");
  if (input.flag("everything")) {
    // Whatever else was asked for: a dataset named beside it saves nobody.
    const all = server.store.datasets();
    for (const each of all) await dropDataset(server, each);
    return ok({ datasets_removed: all.length, status: "success" });
  }
  const dataset = namedDataset(server, input);
  if (dataset === undefined) throw badCombination();
  if (isMemoryOnly) return ok(await forgetMemory(server, dataset, documentId));
  if (documentId === undefined) {
    await dropDataset(server, dataset);
    return ok({ dataset_id: dataset.id, status: "success" });
  }
  await dropDocument(server, dataset, documentId);
  server.store.recordOperation(dataset, "forget", null);
  return ok({ data_id: documentId, dataset_id: dataset.id, status: "success" });
}

async function dropDataset(server: ServerProcess, dataset: Dataset): Promise<void> {
  assertWhole(dataset);
  await server.locks.hold(dataset.id, async () => server.store.deleteDataset(dataset));
}

async function dropDocument(server: ServerProcess, dataset: Dataset, documentId: string): Promise<void> {
  assertWhole(dataset);
  await server.locks.hold(dataset.id, async () => {
    const present = server.store.dataset(dataset.id);
    if (present === undefined) throw classRefusal(404, "DatasetNotFoundError", `Dataset ${dataset.id} does not exist.`);
    server.life.reach("delete");
    const document = present.documents.find(({ id }) => id === documentId);
    if (document !== undefined) server.store.deleteDocument(present, document);
    server.store.recordOperation(present, "delete", null);
  });
}

/** Rows stay, with label, metadata and tags; all that searches find goes. The status stays what it was. */
async function forgetMemory(server: ServerProcess, asked: Dataset, documentId: string | undefined) {
  assertWhole(asked);
  return server.locks.hold(asked.id, async () => {
    const dataset = stillThere(server.store, asked.id);
    const reset = dataset.documents.filter(({ id }) => documentId === undefined || id === documentId);
    for (const document of reset) {
      document.isCompleted = false;
      document.isTorn = false;
      document.chunks = [];
      server.store.touch(document);
    }
    server.store.recordOperation(dataset, "forget", null);
    return documentId === undefined
      ? { dataset_id: dataset.id, data_records_reset: reset.length, status: "success" }
      : { data_id: documentId, dataset_id: dataset.id, status: "success" };
  });
}

function namedDataset(server: ServerProcess, input: JsonInput): Dataset | undefined {
  const id = input.uuid("datasetId");
  if (id !== undefined) return permitted(server.store, id, "delete");
  const name = input.text("dataset");
  if (name === undefined) return undefined;
  const dataset = server.store.named(name);
  if (dataset === undefined)
    throw classRefusal(404, "DatasetNotFoundError", `Dataset '${name}' not found or not accessible.`);
  return dataset;
}

function badCombination(): Refusal {
  const error = "Invalid request parameters. Specify dataset or dataset_id, data_id+dataset, or everything=True.";
  return new Refusal(422, { error });
}
