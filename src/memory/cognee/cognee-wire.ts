import { z } from "zod";
import type { DataDTO, DataItemProcessingStatusDTO, DatasetDTO, GraphDTO } from "./api.generated.ts";

/** What is read of Cognee's replies; everything else in them is ignored. Shapes as measured on 1.6.5. */

export const loginReply = z.object({ access_token: z.string().min(1) });
export const healthReply = z.object({ status: z.string(), version: z.string() });
export const detailedHealthReply = z.object({
  components: z.record(z.string(), z.object({ status: z.string() })),
});
export const datasetReply = z.object({ id: z.uuid(), createdAt: z.string() }) satisfies z.ZodType<Partial<DatasetDTO>>;
export const datasetsReply = z.array(datasetReply);

/** One row of the paged listing. */
const listedRow = z.object({
  id: z.uuid(),
  name: z.string(),
  createdAt: z.string(),
  updatedAt: z.string().nullable(),
  externalMetadata: z.record(z.string(), z.unknown()).nullable(),
}) satisfies z.ZodType<Partial<DataDTO>>;
export const listingReply = z.array(listedRow);
export type ListedRow = z.infer<typeof listedRow>;

/** One row of the processing status, which is not paged. */
const processedRow = z.object({
  id: z.uuid(),
  name: z.string(),
  completed: z.boolean(),
}) satisfies z.ZodType<DataItemProcessingStatusDTO>;
export const processingReply = z.object({ items: z.array(processedRow) });
export type ProcessedRow = z.infer<typeof processedRow>;

/** State of the newest run of each dataset; a dataset that never ran is missing. */
export const statusReply = z.record(z.string(), z.string());

export const addReply = z.object({
  data_ingestion_info: z
    .array(z.object({ data_id: z.uuid().optional(), run_info: z.object({ status: z.string() }) }))
    .nullish(),
});

export const updateReply = z.object({
  status: z.string(),
});

const passage = z.object({
  text: z.string(),
  document_name: z.string(),
  external_metadata: z.string().nullish(),
  /** A distance: small is near. Only where it was searched by vectors. */
  score: z.number().nullish(),
});
export type Passage = z.infer<typeof passage>;
export const passagesReply = z.array(z.object({ search_result: z.array(passage).nullish() }));

/** Whose a found passage is: a summary names the passage that it sums up only. */
const trace = z.object({ document_id: z.string().nullish(), source_chunk_id: z.string().nullish() });
export const traceReply = z.array(z.object({ search_result: z.array(trace).nullish() }));

const graphNode = z.object({
  id: z.string(),
  label: z.string(),
  type: z.string(),
  properties: z.object({ description: z.string().nullish() }),
});
export const graphReply = z.object({
  nodes: z.array(graphNode),
  edges: z.array(z.object({ source: z.string(), target: z.string(), label: z.string() })),
}) satisfies z.ZodType<Pick<GraphDTO, "nodes" | "edges">>;
export type GraphReply = z.infer<typeof graphReply>;
