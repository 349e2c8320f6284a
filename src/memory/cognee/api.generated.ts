// Generated from openapi-1.6.5.json by scripts/generate-cognee-api.ts. Do not edit.

/** `Body_add_api_v1_add_post` of the server. */
export interface Body_add_api_v1_add_post {
  readonly data?: readonly Blob[];
  readonly raw_data?: readonly string[] | null;
  readonly labels?: string | null;
  readonly external_metadata?: string | null;
  readonly datasetName?: string | null;
  readonly datasetId?: string | "" | null;
  readonly node_set?: readonly string[] | null;
  readonly run_in_background?: boolean | null;
}

/** `Body_login_api_v1_auth_login_post` of the server. */
export interface Body_login_api_v1_auth_login_post {
  readonly grant_type?: string | null;
  readonly username: string;
  readonly password: string;
  readonly scope?: string;
  readonly client_id?: string | null;
  readonly client_secret?: string | null;
}

/** `Body_update_api_v1_update_patch` of the server. */
export interface Body_update_api_v1_update_patch {
  readonly data: readonly Blob[];
  readonly node_set?: readonly string[] | null;
}

/** `CognifyPayloadDTO` of the server. */
export interface CognifyPayloadDTO {
  readonly datasets?: readonly string[] | null;
  readonly datasetIds?: readonly string[] | null;
  readonly runInBackground?: boolean | null;
  readonly graphModel?: Readonly<Record<string, unknown>> | null;
  readonly customPrompt?: string | null;
  readonly chunkSize?: number | null;
  readonly ontologyKey?: readonly string[] | null;
  readonly chunksPerBatch?: number | null;
  readonly dataPerBatch?: number | null;
}

/** `DataCountDTO` of the server. */
export interface DataCountDTO {
  readonly count: number;
}

/** `DataDTO` of the server. */
export interface DataDTO {
  readonly id: string;
  readonly name: string;
  readonly createdAt?: string | null;
  readonly updatedAt?: string | null;
  readonly extension: string;
  readonly mimeType: string;
  readonly rawDataLocation: string;
  readonly datasetId: string;
  readonly label?: string | null;
  readonly externalMetadata?: Readonly<Record<string, unknown>> | null;
  readonly dataSize?: number | null;
}

/** `DataItemProcessingStatusDTO` of the server. */
export interface DataItemProcessingStatusDTO {
  readonly id: string;
  readonly name: string;
  readonly completed: boolean;
}

/** `DatasetCreationPayload` of the server. */
export interface DatasetCreationPayload {
  readonly name: string;
}

/** `DatasetDTO` of the server. */
export interface DatasetDTO {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly updatedAt?: string | null;
  readonly ownerId: string;
}

/** `DatasetProcessingStatusDTO` of the server. */
export interface DatasetProcessingStatusDTO {
  readonly total: number;
  readonly completed: number;
  readonly pending: number;
  readonly items: readonly DataItemProcessingStatusDTO[];
}

/** `ErrorResponseDTO` of the server. */
export interface ErrorResponseDTO {
  readonly message: string;
}

/** `Fallback` of the server. */
export interface Fallback {
  readonly reason: RefusalReason;
  readonly detail: string;
}

/** `ForgetPayloadDTO` of the server. */
export interface ForgetPayloadDTO {
  readonly dataId?: string | null;
  readonly dataset?: string | null;
  readonly datasetId?: string | null;
  readonly everything?: boolean;
  readonly memoryOnly?: boolean;
}

/** `GraphDTO` of the server. */
export interface GraphDTO {
  readonly nodes: readonly GraphNodeDTO[];
  readonly edges: readonly GraphEdgeDTO[];
}

/** `GraphEdgeDTO` of the server. */
export interface GraphEdgeDTO {
  readonly source: string;
  readonly target: string;
  readonly label: string;
}

/** `GraphNodeDTO` of the server. */
export interface GraphNodeDTO {
  readonly id: string;
  readonly label: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** `HTTPValidationError` of the server. */
export interface HTTPValidationError {
  readonly detail?: readonly ValidationError[];
}

/** `PipelineRunInfo` of the server. */
export interface PipelineRunInfo {
  readonly status: string;
  readonly pipeline_run_id: string;
  readonly dataset_id: string;
  readonly dataset_name: string;
  readonly payload?: unknown | null;
  readonly data_ingestion_info?: readonly unknown[] | null;
}

/** `PipelineRunStatus` of the server. */
export type PipelineRunStatus = "DATASET_PROCESSING_INITIATED" | "DATASET_PROCESSING_STARTED" | "DATASET_PROCESSING_COMPLETED" | "DATASET_PROCESSING_ERRORED";

/** `PipelineRunStatusWithProgress` of the server. */
export interface PipelineRunStatusWithProgress {
  readonly status: PipelineRunStatus;
  readonly progress?: Readonly<Record<string, unknown>> | null;
}

/** `RefusalReason` of the server. */
export type RefusalReason = "disabled" | "custom_extraction_config" | "per_call_db_config" | "unsupported_backend" | "unsupported_chunker" | "unsupported_metadata" | "no_baseline" | "chunks_not_tiling" | "unreadable_text";

/** `SearchPayloadDTO` of the server. */
export interface SearchPayloadDTO {
  readonly searchType?: SearchType;
  readonly datasets?: readonly string[] | null;
  readonly datasetIds?: readonly string[] | null;
  readonly query: string;
  readonly systemPrompt?: string | null;
  readonly nodeName?: readonly string[] | null;
  readonly topK?: number | null;
  readonly onlyContext?: boolean;
  readonly sessionId?: string | null;
  readonly verbose?: boolean;
  readonly skills?: readonly string[] | null;
  readonly tools?: readonly string[] | null;
  readonly maxIter?: number | null;
  readonly includeReferences?: boolean;
  readonly codeQuery?: Readonly<Record<string, unknown>> | null;
}

/** `SearchResult` of the server. */
export interface SearchResult {
  readonly search_result: unknown;
  readonly dataset_id: string | null;
  readonly dataset_name: string | null;
}

/** `SearchType` of the server. */
export type SearchType = "SUMMARIES" | "CHUNKS" | "RAG_COMPLETION" | "HYBRID_COMPLETION" | "GRAPH_COMPLETION" | "GRAPH_COMPLETION_DECOMPOSITION" | "GRAPH_SUMMARY_COMPLETION" | "CYPHER" | "NATURAL_LANGUAGE" | "GRAPH_COMPLETION_COT" | "GRAPH_COMPLETION_CONTEXT_EXTENSION" | "FEELING_LUCKY" | "TEMPORAL" | "CODING_RULES" | "CHUNKS_LEXICAL" | "AGENTIC_COMPLETION" | "CODE" | "GRAPH_REPORT" | "BROAD" | "SKILLS" | "TRIPLET_COMPLETION";

/** `UpdateError` of the server. */
export interface UpdateError {
  readonly error_class?: string | null;
  readonly message?: string | null;
}

/** `UpdateResult` of the server. */
export interface UpdateResult {
  readonly status: "incremental" | "unchanged" | "full_rebuild" | "failed";
  readonly regions?: number | null;
  readonly deleted_chunks?: number | null;
  readonly added_chunks?: number | null;
  readonly reused_chunks?: number | null;
  readonly redated_chunks?: number | null;
  readonly kept_chunks?: number | null;
  readonly reindexed_chunks?: number | null;
  readonly total_chunks?: number | null;
  readonly data_id: string;
  readonly dataset_id: string;
  readonly duration_seconds: number;
  readonly pipeline_run_id?: string | null;
  readonly fallback?: Fallback | null;
  readonly error?: UpdateError | null;
}

/** `UserRead` of the server. */
export interface UserRead {
  readonly id: string;
  readonly email: string;
  readonly is_active?: boolean;
  readonly is_superuser?: boolean;
  readonly is_verified?: boolean;
  readonly tenant_id?: string | null;
  readonly parent_user_id?: string | null;
}

/** `ValidationError` of the server. */
export interface ValidationError {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
  readonly input?: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** `cognee__api__DTO__ErrorResponse` of the server. */
export interface cognee__api__DTO__ErrorResponse {
  readonly error: string;
  readonly detail?: string | null;
}

/** What memhook asks of a Cognee, by method and path: what is sent, and what comes back, by status. */
export interface CogneeOperations {
  readonly "GET /health": {
    readonly answers: {
      readonly 200: Readonly<Record<string, unknown>>;
    };
  };
  readonly "GET /health/detailed": {
    readonly answers: {
      readonly 200: Readonly<Record<string, unknown>>;
    };
  };
  readonly "POST /api/v1/auth/login": {
    readonly body: Body_login_api_v1_auth_login_post;
    readonly answers: {
      readonly 200: unknown;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "GET /api/v1/users/me": {
    readonly answers: {
      readonly 200: UserRead;
      readonly 401: unknown;
    };
  };
  readonly "GET /api/v1/datasets": {
    readonly answers: {
      readonly 200: readonly DatasetDTO[];
    };
  };
  readonly "POST /api/v1/datasets": {
    readonly body: DatasetCreationPayload;
    readonly answers: {
      readonly 200: DatasetDTO;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "GET /api/v1/datasets/status": {
    readonly query: { readonly dataset?: readonly string[]; readonly pipeline?: readonly string[] };
    readonly answers: {
      readonly 200: Readonly<Record<string, PipelineRunStatus>> | Readonly<Record<string, Readonly<Record<string, PipelineRunStatus>>>>;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "GET /api/v1/datasets/status/progress": {
    readonly query: { readonly dataset?: readonly string[]; readonly pipeline?: readonly string[] };
    readonly answers: {
      readonly 200: Readonly<Record<string, PipelineRunStatusWithProgress>> | Readonly<Record<string, Readonly<Record<string, PipelineRunStatusWithProgress>>>>;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "DELETE /api/v1/datasets/{dataset_id}": {
    readonly path: { readonly dataset_id: string };
    readonly answers: {
      readonly 200: unknown;
      readonly 404: ErrorResponseDTO;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "GET /api/v1/datasets/{dataset_id}/data": {
    readonly path: { readonly dataset_id: string };
    readonly query: { readonly limit?: number; readonly offset?: number };
    readonly answers: {
      readonly 200: readonly DataDTO[];
      readonly 404: ErrorResponseDTO;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "GET /api/v1/datasets/{dataset_id}/data/count": {
    readonly path: { readonly dataset_id: string };
    readonly answers: {
      readonly 200: DataCountDTO;
      readonly 404: ErrorResponseDTO;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "GET /api/v1/datasets/{dataset_id}/data/{data_id}/raw": {
    readonly path: { readonly dataset_id: string; readonly data_id: string };
    readonly answers: {
      readonly 200: unknown;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "DELETE /api/v1/datasets/{dataset_id}/data/{data_id}": {
    readonly path: { readonly dataset_id: string; readonly data_id: string };
    readonly answers: {
      readonly 200: unknown;
      readonly 404: ErrorResponseDTO;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "GET /api/v1/datasets/{dataset_id}/graph": {
    readonly path: { readonly dataset_id: string };
    readonly answers: {
      readonly 200: GraphDTO;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "GET /api/v1/datasets/{dataset_id}/processing-status": {
    readonly path: { readonly dataset_id: string };
    readonly query: { readonly pipeline?: string };
    readonly answers: {
      readonly 200: DatasetProcessingStatusDTO;
      readonly 404: ErrorResponseDTO;
      readonly 422: HTTPValidationError;
    };
  };
  readonly "POST /api/v1/add": {
    readonly body: Body_add_api_v1_add_post;
    readonly answers: {
      readonly 200: PipelineRunInfo;
      readonly 400: cognee__api__DTO__ErrorResponse;
      readonly 403: cognee__api__DTO__ErrorResponse;
      readonly 422: cognee__api__DTO__ErrorResponse;
      readonly 500: cognee__api__DTO__ErrorResponse;
    };
  };
  readonly "POST /api/v1/cognify": {
    readonly body: CognifyPayloadDTO;
    readonly answers: {
      readonly 200: Readonly<Record<string, PipelineRunInfo>>;
      readonly 400: cognee__api__DTO__ErrorResponse;
      readonly 403: cognee__api__DTO__ErrorResponse;
      readonly 409: cognee__api__DTO__ErrorResponse;
      readonly 422: cognee__api__DTO__ErrorResponse;
      readonly 500: cognee__api__DTO__ErrorResponse;
    };
  };
  readonly "PATCH /api/v1/update": {
    readonly query: { readonly data_id: string; readonly dataset_id: string; readonly chunk_level_diff?: boolean };
    readonly body: Body_update_api_v1_update_patch;
    readonly answers: {
      readonly 200: UpdateResult;
      readonly 403: cognee__api__DTO__ErrorResponse;
      readonly 422: cognee__api__DTO__ErrorResponse;
      readonly 500: UpdateResult | cognee__api__DTO__ErrorResponse;
    };
  };
  readonly "POST /api/v1/search": {
    readonly body: SearchPayloadDTO;
    readonly answers: {
      readonly 200: readonly SearchResult[] | readonly unknown[];
      readonly 403: cognee__api__DTO__ErrorResponse;
      readonly 422: cognee__api__DTO__ErrorResponse;
      readonly 500: cognee__api__DTO__ErrorResponse;
    };
  };
  readonly "POST /api/v1/forget": {
    readonly body: ForgetPayloadDTO;
    readonly answers: {
      readonly 200: Readonly<Record<string, unknown>>;
      readonly 403: cognee__api__DTO__ErrorResponse;
      readonly 404: cognee__api__DTO__ErrorResponse;
      readonly 422: cognee__api__DTO__ErrorResponse;
      readonly 500: cognee__api__DTO__ErrorResponse;
    };
  };
  readonly "GET /api/v1/activity/pipeline-runs": {
    readonly query: { readonly dataset_id?: string | null; readonly pipeline_name?: string | null; readonly limit?: number; readonly offset?: number };
    readonly answers: {
      readonly 200: unknown;
      readonly 422: HTTPValidationError;
    };
  };
}
