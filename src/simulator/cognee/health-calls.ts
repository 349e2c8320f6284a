import type { Call } from "./call.ts";
import { type CogneeReply, ok } from "./reply.ts";

/** `GET /`. */
export async function hello(): Promise<CogneeReply> {
  return ok({ message: "Hello, World, I am alive!" });
}

/** `GET /health`: asks neither the model nor any dataset's graph, so it is healthy while those are not. */
export async function health({ server }: Call): Promise<CogneeReply> {
  return ok({ status: "ready", health: "healthy", version: server.ways.version });
}

/** `GET /health/detailed`: makes a chat and an embedding call each time. */
export async function detailedHealth({ server }: Call): Promise<CogneeReply> {
  const { modelAway, modelStatus } = server.knobs;
  const isDegraded = modelAway || modelStatus !== undefined;
  const good = component("healthy");
  return {
    status: isDegraded ? 503 : 200,
    body: {
      ...{ status: isDegraded ? "degraded" : "healthy", timestamp: new Date(server.clock.now()).toISOString() },
      ...{ version: server.ways.version, uptime: 0 },
      components: {
        ...{ relational_db: good, vector_db: good, graph_db: good, file_storage: good },
        llm_provider: component(isDegraded ? "degraded" : "healthy"),
        embedding_service: component(modelAway ? "degraded" : "healthy"),
      },
    },
  };
}

function component(status: "healthy" | "degraded") {
  return { status, provider: "stand-in", response_time_ms: 0, details: status };
}
