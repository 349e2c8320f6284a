import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOM = join(import.meta.dirname, "..", "src", "memory", "cognee");
/** The version whose document is checked in; the tests run this one. */
const VERSION = "1.6.5";
/** The server's own document, trimmed to what a client needs. */
export const DOCUMENT_FILE = join(ROOM, `openapi-${VERSION}.json`);
/** Where the generated module lies. */
export const TYPES_FILE = join(ROOM, "api.generated.ts");

/** What memhook asks of a Cognee, by method and path. */
const OPERATIONS = [
  "GET /health",
  "GET /health/detailed",
  "POST /api/v1/auth/login",
  "GET /api/v1/users/me",
  "GET /api/v1/datasets",
  "POST /api/v1/datasets",
  "GET /api/v1/datasets/status",
  "GET /api/v1/datasets/status/progress",
  "DELETE /api/v1/datasets/{dataset_id}",
  "GET /api/v1/datasets/{dataset_id}/data",
  "GET /api/v1/datasets/{dataset_id}/data/count",
  "GET /api/v1/datasets/{dataset_id}/data/{data_id}/raw",
  "DELETE /api/v1/datasets/{dataset_id}/data/{data_id}",
  "GET /api/v1/datasets/{dataset_id}/graph",
  "GET /api/v1/datasets/{dataset_id}/processing-status",
  "POST /api/v1/add",
  "POST /api/v1/cognify",
  "PATCH /api/v1/update",
  "POST /api/v1/search",
  "POST /api/v1/forget",
  "GET /api/v1/activity/pipeline-runs",
] as const;

/** Any value that JSON has. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** An object of JSON. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** Prose, which types do not need, and what changes with every release without changing the contract. */
const PROSE: ReadonlySet<string> = new Set(["description", "title", "summary", "example", "examples"]);
/** Keywords whose value is data rather than a schema. */
const DATA: ReadonlySet<string> = new Set(["default", "enum", "const", "required"]);

/** The document of a server, reduced to the operations that memhook uses, without prose, and with the server's version. */
export function trimDocument(document: JsonObject, version: string): JsonObject {
  const paths: Record<string, Record<string, Json>> = {};
  for (const name of OPERATIONS) {
    const [method = "", path = ""] = name.split(" ");
    const operation = objectAt(objectAt(document, "paths"), path)[method.toLowerCase()];
    if (operation === undefined) throw new Error(`Cognee ${version} has no ${name}`);
    paths[path] = { ...paths[path], [method.toLowerCase()]: trimOperation(operation) };
  }
  const all = objectAt(objectAt(document, "components"), "schemas");
  const schemas: Record<string, Json> = {};
  let wanted = refsIn(paths);
  while (wanted.length > 0) {
    const fresh = wanted.filter((name) => !(name in schemas));
    for (const name of fresh) schemas[name] = withoutProse(all[name] ?? null);
    wanted = fresh.flatMap((name) => refsIn(schemas[name] ?? null));
  }
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([one], [other]) => (one < other ? -1 : 1)));
  return {
    openapi: document["openapi"],
    info: { title: "Cognee API, trimmed to what memhook uses", version },
    paths,
    components: { schemas: sorted },
  };
}

function trimOperation(operation: Json): JsonObject {
  const { parameters, requestBody, responses } = asObject(operation);
  const kept = { parameters, requestBody, responses };
  const there = Object.entries(kept).filter(([, value]) => value !== undefined);
  return asObject(withoutProse(Object.fromEntries(there)));
}

/** A name under `properties` is never taken for a keyword: a document may have a field called `title`. */
function withoutProse(value: Json, areNames = false): Json {
  if (isArray(value)) return value.map((item) => withoutProse(item));
  if (!isObject(value)) return value;
  const kept = entriesOf(value).filter(([key]) => areNames || !PROSE.has(key));
  const trimmed = kept.map(([key, inner]) => {
    const isData = !areNames && DATA.has(key);
    return [key, isData ? inner : withoutProse(inner, !areNames && key === "properties")] as const;
  });
  return Object.fromEntries(trimmed);
}

function refsIn(value: Json): readonly string[] {
  if (isArray(value)) return value.flatMap(refsIn);
  if (!isObject(value)) return [];
  const own = value["$ref"];
  return [
    ...(typeof own === "string" ? [refName(own)] : []),
    ...entriesOf(value).flatMap(([, inner]) => refsIn(inner)),
  ];
}

function refName(ref: string): string {
  return ref.replace("#/components/schemas/", "");
}

/** The module that holds the types of a trimmed document. `test/cognee/harness.test.ts` proves it current. */
export function generateTypes(document: JsonObject): string {
  const schemas = entriesOf(objectAt(objectAt(document, "components"), "schemas"));
  const operations = entriesOf(objectAt(document, "paths")).flatMap(([path, methods]) =>
    entriesOf(asObject(methods)).map(([method, operation]) => operationText(`${method.toUpperCase()} ${path}`, operation)),
  );
  const { version } = asObject(document["info"] ?? null);
  return `// Generated from openapi-${String(version)}.json by scripts/generate-cognee-api.ts. Do not edit.

${schemas.map(([name, schema]) => schemaText(name, schema)).join("\n\n")}

/** What memhook asks of a Cognee, by method and path: what is sent, and what comes back, by status. */
export interface CogneeOperations {
${operations.join("\n")}
}
`;
}

function schemaText(name: string, schema: Json): string {
  if (!/^\w+$/.test(name)) throw new Error(`${name} cannot name a type`);
  const about = `/** \`${name}\` of the server. */\n`;
  const { properties } = asObject(schema);
  if (properties === undefined) return `${about}export type ${name} = ${typeOf(schema)};`;
  const lines = propertiesOf(asObject(schema)).map((property) => `  ${property};`);
  return `${about}export interface ${name} {\n${lines.join("\n")}\n}`;
}

function operationText(name: string, operation: Json): string {
  const { parameters = [], requestBody, responses } = asObject(operation);
  const all = asArray(parameters).map(asObject);
  const parts = [
    ...(["path", "query"] as const).flatMap((place) => {
      const here = all.filter((parameter) => parameter["in"] === place);
      return here.length === 0 ? [] : [`    readonly ${place}: { ${here.map(parameterText).join("; ")} };`];
    }),
    ...(requestBody === undefined ? [] : [`    readonly body: ${contentType(requestBody)};`]),
    `    readonly answers: {`,
    ...entriesOf(asObject(responses ?? null)).map(([status, answer]) => `      readonly ${status}: ${contentType(answer)};`),
    `    };`,
  ];
  return `  readonly "${name}": {\n${parts.join("\n")}\n  };`;
}

function parameterText(parameter: JsonObject): string {
  const mark = parameter["required"] === true ? "" : "?";
  return `readonly ${String(parameter["name"])}${mark}: ${typeOf(parameter["schema"] ?? null)}`;
}

/** The type of the first content that is described: no operation describes two, and some describe none. */
function contentType(holder: Json): string {
  const content = asObject(asObject(holder)["content"] ?? {});
  const [first] = entriesOf(content);
  if (first === undefined) return "unknown";
  return typeOf(asObject(first[1])["schema"] ?? null);
}

/** A schema as a type. What it does not narrow is `unknown`: the client parses it. */
function typeOf(schema: Json): string {
  if (!isObject(schema)) return "unknown";
  const { $ref, anyOf, oneOf, allOf, type } = schema;
  const choices = schema["enum"] ?? (schema["const"] === undefined ? undefined : [schema["const"]]);
  if (typeof $ref === "string") return refName($ref);
  if (choices !== undefined) return union(asArray(choices).map((choice) => JSON.stringify(choice)));
  if (anyOf !== undefined) return union(asArray(anyOf).map(typeOf));
  if (oneOf !== undefined) return union(asArray(oneOf).map(typeOf));
  if (allOf !== undefined) return asArray(allOf).map(typeOf).join(" & ");
  if (isArray(type ?? null)) return union(asArray(type ?? null).map((one) => typeOf({ ...schema, type: one })));
  return typeByName(schema);
}

function typeByName(schema: JsonObject): string {
  switch (schema["type"]) {
    case "string":
      return schema["format"] === "binary" || schema["contentMediaType"] !== undefined ? "Blob" : "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
    case "null":
      return schema["type"];
    case "array":
      return `readonly ${grouped(typeOf(schema["items"] ?? null))}[]`;
    case "object":
      return objectType(schema);
    default:
      return "unknown";
  }
}

function objectType(schema: JsonObject): string {
  if (schema["properties"] !== undefined) return `{ ${propertiesOf(schema).join("; ")} }`;
  const { additionalProperties = true } = schema;
  return `Readonly<Record<string, ${isObject(additionalProperties) ? typeOf(additionalProperties) : "unknown"}>>`;
}

function propertiesOf(schema: JsonObject): readonly string[] {
  const required = asArray(schema["required"] ?? []);
  return entriesOf(objectAt(schema, "properties")).map(([name, property]) => {
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
    return `readonly ${key}${required.includes(name) ? "" : "?"}: ${typeOf(property)}`;
  });
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(" | ");
}

function grouped(type: string): string {
  return / [|&] |^readonly /.test(type) ? `(${type})` : type;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !isArray(value);
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function asObject(value: Json): JsonObject {
  if (!isObject(value)) throw new Error(`not an object: ${JSON.stringify(value)}`);
  return value;
}

function asArray(value: Json): readonly Json[] {
  if (!isArray(value)) throw new Error(`not an array: ${JSON.stringify(value)}`);
  return value;
}

function objectAt(holder: JsonObject, key: string): JsonObject {
  return asObject(holder[key] ?? null);
}

function entriesOf(value: JsonObject): readonly (readonly [string, Json])[] {
  return Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, inner] as const]));
}

/** The document as it was checked in. */
export function checkedInDocument(): JsonObject {
  return asObject(JSON.parse(readFileSync(DOCUMENT_FILE, "utf8")) as Json); // JSON.parse gives JSON.
}

/** Asks a real server, which it starts, for its document. */
async function generate(): Promise<void> {
  const { startCognee } = await import("../test/cognee/cognee-server.ts");
  const server = await startCognee({ version: VERSION });
  try {
    const answer = await fetch(`${server.url}/openapi.json`);
    const document = trimDocument(asObject((await answer.json()) as Json), VERSION); // The body of an answer is JSON.
    writeFileSync(DOCUMENT_FILE, `${JSON.stringify(document, undefined, 2)}\n`);
    writeFileSync(TYPES_FILE, generateTypes(document));
  } finally {
    await server.stop();
  }
}

if (import.meta.main) await generate();
