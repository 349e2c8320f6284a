/** What is asked of a chat endpoint. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly response_format?: { readonly type: string; readonly json_schema?: { readonly name: string } };
}

/** The graph that Cognee asks for, by its own schema of that name. */
interface KnowledgeGraph {
  readonly nodes: readonly Readonly<Record<"id" | "name" | "type" | "description", string>>[];
  readonly edges: readonly Readonly<
    Record<"source_node_id" | "target_node_id" | "relationship_name" | "description", string>
  >[];
}

/** What counts as an entity: words such as Person_Ada, Firm_Acme, Deal_7, and addresses of e-mail. */
const ENTITIES = /\b(?:Person|Firm|Deal)_\w+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;
/** A model names a dozen things of a page; each costs Cognee several embeddings. */
const ENTITIES_MAX = 12;
const DESCRIPTION_LENGTH_MAX = 200;
const SUMMARY_LENGTH_MAX = 200;

/** What a model that reads well would answer, by rule: the entities of the text, or its beginning as a summary. */
export function chatContent(request: ChatRequest): string {
  const text = contentOf(request, "user");
  const schema = schemaOf(request);
  if (schema === "KnowledgeGraph") return JSON.stringify(graphOf(text));
  if (schema === "SummarizedContent")
    return JSON.stringify({ summary: text.slice(0, SUMMARY_LENGTH_MAX), description: "" });
  return "The stub has nothing to say.";
}

/** The schema is named by the format, or, where Cognee falls back to a plain JSON object, written out in the prompt. */
function schemaOf(request: ChatRequest): string | undefined {
  const named = request.response_format?.json_schema?.name;
  if (named !== undefined || request.response_format === undefined) return named;
  return ["SummarizedContent", "KnowledgeGraph"].find((name) =>
    contentOf(request, "system").includes(`"title": "${name}"`),
  );
}

function contentOf(request: ChatRequest, role: string): string {
  return request.messages
    .filter((message) => message.role === role)
    .map((message) => message.content)
    .join("\n");
}

/** An entity is described by the line that mentions it first, as a model would: its words live as long as the entity does. */
function graphOf(text: string): KnowledgeGraph {
  const names = [...new Set(text.match(ENTITIES) ?? [])].slice(0, ENTITIES_MAX);
  const nodes = names.map((name) => ({
    id: name.toLowerCase(),
    name,
    type: name.includes("@") ? "Person" : (name.split("_")[0] ?? "Thing"),
    description: lineOf(text, name),
  }));
  const [first, ...others] = nodes;
  if (first === undefined) return { nodes, edges: [] };
  const edges = others.map((node) => ({
    source_node_id: first.id,
    target_node_id: node.id,
    relationship_name: "knows",
    description: "knows",
  }));
  return { nodes, edges };
}

function lineOf(text: string, word: string): string {
  const line = text.split("\n").find((candidate) => candidate.includes(word)) ?? word;
  return line.trim().slice(0, DESCRIPTION_LENGTH_MAX);
}
