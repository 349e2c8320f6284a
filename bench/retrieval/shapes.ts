import type { MemoryDocument } from "../../src/account.ts";
import { accountIdOf } from "../../src/account.ts";
import { type DocumentParts, joinParts, partsOf, type SectionPart, sectionName } from "./document-parts.ts";
import { GRAPH_MODEL, GRAPH_PROMPT } from "./graph-model.ts";

/** A document as Cognee gets it. The name is that of its file, without the ending. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** What an index run is told besides the dataset. Nothing = as memhook runs it. */
export interface IndexOptions {
  /** Most tokens of a chunk. */
  readonly chunkSize?: number;
  readonly graphModel?: Readonly<Record<string, unknown>>;
  readonly customPrompt?: string;
}

/** A way to lay an account out for Cognee. */
export interface Shape {
  readonly name: string;
  /** The documents of an account, made from the one that memhook renders today. */
  texts(document: MemoryDocument): readonly NamedText[];
  readonly index: IndexOptions;
  /** `in place` = PATCH; `anew` = delete, add and index, because a PATCH knows the default model and prompt only. */
  readonly update: "in place" | "anew";
}

/** Smallest chunks that still hold most records whole: a note with its heading takes some 150 tokens. */
const CHUNK_SMALL = 256;
/** Twice that: an account has two or three. */
const CHUNK_MEDIUM = 512;

/** The shape that memhook writes (docs/decisions/0014). */
export const CHOSEN = "document";

/** The shapes of issue 8, the present one first. */
export const SHAPES: readonly Shape[] = [
  { name: CHOSEN, texts: whole(joinParts), index: {}, update: "in place" },
  {
    name: `document, ${CHUNK_MEDIUM}`,
    texts: whole(joinParts),
    index: { chunkSize: CHUNK_MEDIUM },
    update: "in place",
  },
  {
    name: `headings, ${CHUNK_MEDIUM}`,
    texts: whole(withNamedHeadings),
    index: { chunkSize: CHUNK_MEDIUM },
    update: "in place",
  },
  { name: `facts, ${CHUNK_SMALL}`, texts: whole(asFacts), index: { chunkSize: CHUNK_SMALL }, update: "in place" },
  { name: "sections", texts: bySection, index: {}, update: "in place" },
  {
    name: "graph model",
    texts: whole(joinParts),
    index: { graphModel: GRAPH_MODEL, customPrompt: GRAPH_PROMPT },
    update: "anew",
  },
];

/** The name under which an account's documents begin; a section's goes on with its own. */
export function documentName(document: Pick<MemoryDocument, "account">): string {
  return `zoho-${accountIdOf(document.account)}`;
}

/** The CRM id of the account that a document of any shape is about. */
export function accountIdOfName(name: string): string | undefined {
  return /^zoho-(\d+)(?:-|$)/.exec(name)?.[1];
}

/** One document an account, written by `write`. */
function whole(write: (parts: DocumentParts) => string): Shape["texts"] {
  return (document) => [{ name: documentName(document), text: write(partsOf(document.text)) }];
}

/** The document as it is, but every heading says whose it is: a chunk that begins anywhere still names its account. */
function withNamedHeadings(parts: DocumentParts): string {
  const named = (block: string) => block.replace(/^(#{2,3} [^\n]*)/, `$1 of ${parts.title.replaceAll("$", "$$$$")}`);
  const sections = parts.sections.map(({ head, records }) => ({ head: named(head), records: records.map(named) }));
  return joinParts({ ...parts, sections });
}

/** One paragraph a record, which names its account and is understood alone. */
function asFacts(parts: DocumentParts): string {
  const facts = parts.sections.flatMap(({ head, records }) => {
    const [, ...own] = head.split("\n");
    const ofAccount = linesOf(own) === "" ? [] : [`- ${parts.title}: ${linesOf(own)}\n`];
    return [...ofAccount, ...records.map((record) => factOf(parts.title, record))];
  });
  return `${parts.frame}\n${facts.join("\n")}${parts.closing}`;
}

function factOf(title: string, record: string): string {
  const [heading = "", ...lines] = record.split("\n");
  return `- ${title}, ${heading.replace(/^### /, "")}: ${linesOf(lines)}\n`;
}

/** Lines of fields as one line; quotations of many lines become part of it. */
function linesOf(lines: readonly string[]): string {
  const fields: string[] = [];
  for (const line of lines) {
    if (line === "") continue;
    const quotation = /^ {2}> ?(.*)$/.exec(line)?.[1];
    if (quotation === undefined) fields.push(line.replace(/^- /, ""));
    else fields.push(`${fields.pop() ?? ""} ${quotation}`.trim());
  }
  return fields.join("; ");
}

/** One document a section, each in the frame of the account. */
function bySection(document: MemoryDocument): readonly NamedText[] {
  const parts = partsOf(document.text);
  return parts.sections.map((section) => ({
    name: `${documentName(document)}-${slugOf(section)}`,
    text: joinParts({ ...parts, sections: [section] }),
  }));
}

/** Cognee cuts a path and the last ending off a file's name, so it holds neither slash nor dot. */
function slugOf(section: SectionPart): string {
  return sectionName(section)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
}
