import type { Call } from "./call.ts";
import { beginRun, documentReports, doRun, runReport, startedReport } from "./cognify-run.ts";
import type { Dataset } from "./dataset.ts";
import { JsonInput } from "./json-input.ts";
import { type CogneeReply, errorRefusal, ok } from "./reply.ts";
import { assertWhole, permitted, type ServerProcess, stillThere } from "./server-process.ts";

/**
 * `POST /cognify`: makes what is pending searchable, one dataset after the other. In the background it answers once the run has begun, which
 * is under the dataset's lock: a second one waits for the first to end, background or not.
 */
export async function cognify({ server, body }: Call): Promise<CogneeReply> {
  const input = new JsonInput(body);
  const isBackground = input.flag("runInBackground");
  const datasets = datasetsOf(server, input);
  const answer: Record<string, unknown> = {};
  for (const asked of datasets) {
    assertWhole(asked);
    answer[asked.id] = await server.locks.hold(asked.id, async (leave) => {
      const dataset = stillThere(server.store, asked.id);
      const run = beginRun(server, dataset);
      const work = doRun(server, dataset, run);
      if (isBackground) {
        leave(work);
        return startedReport(dataset, run.id);
      }
      const end = await work;
      if (!end.isGood) throw end.fault.onCognify;
      const report = runReport(dataset, { id: run.id, status: "PipelineRunCompleted" });
      return { ...report, data_ingestion_info: documentReports(dataset, run) };
    });
  }
  return ok(answer);
}

/** By ids, which win, or by names. An unknown name is made; an unknown id is refused. */
function datasetsOf(server: ServerProcess, input: JsonInput): readonly Dataset[] {
  const ids = input.uuids("datasetIds") ?? [];
  const names = input.texts("datasets") ?? [];
  if (ids.length > 0) return ids.map((id) => permitted(server.store, id, "write"));
  if (names.length === 0) throw errorRefusal(400, "No datasets or dataset_ids provided", null);
  if (names.some((name) => /[ .]/.test(name)))
    throw errorRefusal(409, "Dataset name cannot contain spaces or dots.", null);
  return names.map((name) => server.store.named(name) ?? server.store.createDataset(name));
}
