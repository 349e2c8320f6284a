/**
 * A graph of people, companies and deals in place of Cognee's own, as /cognify takes it. Its title is that of Cognee's model, because
 * the model stub answers by the schema's name; the classes are made from this schema all the same.
 */
export const GRAPH_MODEL: Readonly<Record<string, unknown>> = {
  title: "KnowledgeGraph",
  type: "object",
  properties: {
    nodes: { type: "array", items: { $ref: "#/$defs/Thing" } },
    edges: { type: "array", items: { $ref: "#/$defs/Relation" } },
  },
  required: ["nodes", "edges"],
  $defs: {
    Thing: {
      title: "Thing",
      type: "object",
      properties: {
        name: { type: "string" },
        description: { type: "string" },
        metadata: { type: "object", default: { index_fields: ["name"] } },
      },
      required: ["name", "description"],
    },
    Relation: {
      title: "Relation",
      type: "object",
      properties: {
        source_node_id: { type: "string" },
        target_node_id: { type: "string" },
        relationship_name: { type: "string" },
        metadata: { type: "object", default: { index_fields: ["relationship_name"] } },
      },
      required: ["source_node_id", "target_node_id", "relationship_name"],
    },
  },
};

/** The prompt that goes with it. */
export const GRAPH_PROMPT =
  "Extract the people, companies and deals of this CRM account, and who decides, promises and objects to what.";
