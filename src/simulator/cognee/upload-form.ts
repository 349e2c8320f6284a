import { type Invalid, invalidRequest, Refusal } from "./reply.ts";

/** One file of a form. */
export interface Upload {
  readonly fileName: string;
  readonly bytes: Buffer;
}

/** A multipart form as the server's calls see it. */
export interface UploadForm {
  readonly files: readonly Upload[];
  /** All values of a field, in order. */
  texts(name: string): readonly string[];
  /** The last value of a field; undefined when it is missing or empty. */
  text(name: string): string | undefined;
  /** What a refusal repeats: of a file its name and headers only. */
  readonly sent: unknown;
}

/** Parses a multipart body whose files come under `data`. Anything else is refused as a form without files. */
export async function parseUploadForm(body: Buffer, contentType: string): Promise<UploadForm> {
  if (!/^multipart\/form-data\b/i.test(contentType))
    throw invalidRequest(missing(["body", "data"], null), body.toString());
  const form = await formOf(body, contentType);
  const files: Upload[] = [];
  const sent: Record<string, unknown> = {};
  for (const [name, value] of form) {
    const isFile = typeof value !== "string";
    if (isFile && name === "data") files.push({ fileName: value.name, bytes: Buffer.from(await value.arrayBuffer()) });
    const shown = isFile ? { filename: value.name, headers: { "content-type": value.type } } : value;
    const earlier = sent[name];
    sent[name] = earlier === undefined ? shown : [earlier, shown].flat();
  }
  const texts = (name: string) => form.getAll(name).filter((value) => typeof value === "string");
  const [textAsFile] = texts("data");
  if (textAsFile !== undefined)
    throw new Refusal(400, {
      detail: `'data' accepts file uploads only, but received the text '${textAsFile}'.`,
    });
  return { files, texts, text: (name) => texts(name).findLast((value) => value !== ""), sent };
}

/** A flag of a form, in the spellings that pydantic takes. */
export function parseFlag(form: UploadForm, name: string, absent: boolean): boolean {
  const text = form.text(name);
  const flag = text === undefined ? absent : flagOf(text);
  if (flag !== undefined) return flag;
  throw invalidRequest(notBoolean(["body", name], text), form.sent);
}

/** True, false, or undefined for a text that says neither. */
export function flagOf(text: string): boolean | undefined {
  if (/^(true|1|on|yes|y|t)$/i.test(text)) return true;
  return /^(false|0|off|no|n|f)$/i.test(text) ? false : undefined;
}

/** What validation says of a text that is no flag. */
export function notBoolean(loc: Invalid["loc"], input: unknown): Invalid {
  return { type: "bool_parsing", loc, msg: "Input should be a valid boolean, unable to interpret input", input };
}

/** What validation says of something that is not there. */
export function missing(loc: Invalid["loc"], input: unknown): Invalid {
  return { type: "missing", loc, msg: "Field required", input };
}

/** Node reads multipart itself; what it cannot read, the server cannot either. */
async function formOf(body: Buffer, contentType: string): Promise<FormData> {
  try {
    return await new Response(new Uint8Array(body), { headers: { "content-type": contentType } }).formData();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw invalidRequest(missing(["body", "data"], null), null);
  }
}
