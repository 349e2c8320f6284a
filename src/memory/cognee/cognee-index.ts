import type { CognifyPayloadDTO, ForgetPayloadDTO } from "./api.generated.ts";
import { INITIATED, stateOfRun } from "./before-processing.ts";
import type { CogneeDataset } from "./cognee-dataset.ts";
import { WRITE_MS_MAX } from "./cognee-session.ts";
import { statusReply } from "./cognee-wire.ts";

/** The calls on a dataset's index. All throw Fault SINK_… */
export class CogneeIndex {
  readonly #dataset: CogneeDataset;

  constructor(dataset: CogneeDataset) {
    this.#dataset = dataset;
  }

  /** State of the newest run; undefined when there was none. A run that ended with its server stays STARTED. */
  async status(signal: AbortSignal): Promise<string | undefined> {
    const doing = "asking how the index run is doing";
    let datasetId = "";
    const call = (id: string) => {
      datasetId = id;
      return { method: "GET", path: `/datasets/status?dataset=${id}`, doing } as const;
    };
    const status = (await this.#dataset.ask(statusReply, call, signal))[datasetId];
    return status === INITIATED ? ((await stateOfRun(this.#dataset, signal)) ?? status) : status;
  }

  async isRunning(signal: AbortSignal): Promise<boolean> {
    return (await this.status(signal)) === "DATASET_PROCESSING_STARTED";
  }

  /** Begins a run over all that is pending. Answers when it has begun, after the end of one that was under way. */
  async begin(signal: AbortSignal): Promise<void> {
    const json = (id: string) => ({ datasetIds: [id], runInBackground: true }) satisfies CognifyPayloadDTO;
    const doing = "beginning an index run";
    const rest = { method: "POST", path: "/cognify", timeoutMs: WRITE_MS_MAX, doing } as const;
    await this.#dataset.send((id) => ({ ...rest, json: json(id) }), signal);
  }

  /** Takes a document out of the index and leaves it pending: the next run reads it again. Label, metadata and tags stay. */
  async takeOut(dataId: string, signal: AbortSignal): Promise<void> {
    const json = (datasetId: string) => ({ datasetId, dataId, memoryOnly: true }) satisfies ForgetPayloadDTO;
    const doing = "taking a document out of the index";
    const rest = { method: "POST", path: "/forget", timeoutMs: WRITE_MS_MAX, doing } as const;
    await this.#dataset.send((id) => ({ ...rest, json: json(id) }), signal);
  }
}
