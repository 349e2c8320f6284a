import type { Metadata } from "./dataset.ts";
import { isRecord } from "./json-input.ts";
import { classRefusal } from "./reply.ts";
import type { UploadForm } from "./upload-form.ts";

/** Marks that an add may give to its files, by their position; undefined: none was sent. */
export interface Marks {
  readonly labels: readonly (string | null)[] | undefined;
  readonly metadata: readonly (Metadata | undefined)[] | undefined;
}

/** Reads labels and metadata of an add and refuses what does not fit the number of its files. */
export function parseMarks(form: UploadForm, files: number): Marks {
  return {
    labels: parseLabels(form.text("labels"), files),
    metadata: parseMetadata(form.text("external_metadata"), files),
  };
}

/** The tags of an add or an update; undefined when none was sent. */
export function parseNodeSet(form: UploadForm): readonly string[] | undefined {
  const tags = form.texts("node_set").filter((tag) => tag !== "");
  return tags.length === 0 ? undefined : tags;
}

/** A JSON array of texts, or texts with commas between. An empty one skips its file; nothing but empty ones is nothing at all. */
function parseLabels(text: string | undefined, files: number): readonly (string | null)[] | undefined {
  if (text === undefined) return undefined;
  const labels = listOf(text) ?? text.split(",").map((label) => label.trim());
  if (!labels.every((label) => typeof label === "string" || label === null))
    throw classRefusal(400, "InvalidLabelsError", "labels must be an array of strings");
  if (labels.every((label) => label === "" || label === null)) return undefined;
  if (labels.length !== files)
    throw classRefusal(400, "LabelCountMismatchError", `${labels.length} labels were sent for ${files} data items`);
  return labels.map((label) => (label === "" ? null : label));
}

/** A JSON array of objects and nulls; their key `node_set` is the server's own. Nothing but empty ones is nothing at all. */
function parseMetadata(text: string | undefined, files: number): readonly (Metadata | undefined)[] | undefined {
  if (text === undefined) return undefined;
  const entries = listOf(text);
  if (entries === undefined || !entries.every((entry) => entry === null || isRecord(entry)))
    throw classRefusal(400, "InvalidExternalMetadataError", "external_metadata must be an array of objects and nulls");
  if (entries.every((entry) => entry === null || Object.keys(entry).length === 0)) return undefined;
  if (entries.length !== files)
    throw classRefusal(
      400,
      "ExternalMetadataCountMismatchError",
      `${entries.length} external_metadata entries were sent for ${files} data items`,
    );
  if (entries.some((entry) => entry !== null && "node_set" in entry))
    throw classRefusal(400, "InvalidExternalMetadataError", "node_set is a reserved key of external_metadata");
  return entries.map((entry) => entry ?? undefined);
}

/** A JSON array; undefined for any other text. */
function listOf(text: string): readonly unknown[] | undefined {
  if (!text.trimStart().startsWith("[")) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
