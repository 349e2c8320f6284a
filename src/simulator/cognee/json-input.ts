import { parseUuid } from "./identifiers.ts";
import { type Invalid, invalidRequest, type Refusal } from "./reply.ts";
import { flagOf, missing, notBoolean } from "./upload-form.ts";

/**
 * A JSON body. Keys are documented in camelCase and taken in snake_case as well; unknown ones are passed over in silence, so
 * that a mistyped filter filters nothing.
 */
export class JsonInput {
  readonly #sent: unknown;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(body: Buffer) {
    this.#sent = parse(body);
    if (!isRecord(this.#sent))
      throw invalidRequest(
        { type: "model_attributes_type", loc: ["body"], msg: "Input should be a valid dictionary", input: this.#sent },
        this.#sent,
      );
    this.#fields = this.#sent;
  }

  /** A text; undefined when it is missing or null. */
  text(name: string): string | undefined {
    const value = this.#value(name);
    if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
    throw this.refuse(notText(["body", name], value));
  }

  /** A text that must be there. */
  requiredText(name: string): string {
    if (this.#value(name) === undefined) throw this.refuse(missing(["body", name], this.#sent));
    const text = this.text(name);
    if (text === undefined) throw this.refuse(notText(["body", name], null));
    return text;
  }

  flag(name: string): boolean {
    const value = this.#value(name);
    if (value === undefined || value === null) return false;
    const flag = typeof value === "boolean" ? value : typeof value === "string" ? flagOf(value) : undefined;
    if (flag === undefined) throw this.refuse(notBoolean(["body", name], value));
    return flag;
  }

  integer(name: string, absent: number): number {
    const value = this.#value(name) ?? absent;
    if (typeof value === "number" && Number.isInteger(value)) return value;
    throw this.refuse({ type: "int_type", loc: ["body", name], msg: "Input should be a valid integer", input: value });
  }

  /** A list of texts, undefined when it is missing or null; one text alone is no list. */
  texts(name: string): readonly string[] | undefined {
    const value = this.#value(name);
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value))
      throw this.refuse({ type: "list_type", loc: ["body", name], msg: "Input should be a valid list", input: value });
    return value.map((entry: unknown, index) => {
      if (typeof entry === "string") return entry;
      throw this.refuse(notText(["body", name, index], entry));
    });
  }

  uuid(name: string): string | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : this.#uuidOf(text, ["body", name]);
  }

  uuids(name: string): readonly string[] | undefined {
    return this.texts(name)?.map((text, index) => this.#uuidOf(text, ["body", name, index]));
  }

  /** The refusal of this body for one reason. */
  refuse(invalid: Invalid): Refusal {
    return invalidRequest(invalid, this.#sent);
  }

  #uuidOf(text: string, loc: Invalid["loc"]): string {
    const id = parseUuid(text);
    if (id === undefined) throw this.refuse(notUuid(loc, text));
    return id;
  }

  #value(name: string): unknown {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return this.#fields[name] ?? this.#fields[snake];
  }
}

/** What validation says of a text that is no UUID. */
export function notUuid(loc: Invalid["loc"], input: unknown): Invalid {
  return { type: "uuid_parsing", loc, msg: "Input should be a valid UUID, invalid character", input };
}

/** True for a JSON object that is neither null nor an array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function notText(loc: Invalid["loc"], input: unknown): Invalid {
  return { type: "string_type", loc, msg: "Input should be a valid string", input };
}

function parse(body: Buffer): unknown {
  const text = body.toString();
  if (text === "") throw invalidRequest(missing(["body"], null), null);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalidRequest({ type: "json_invalid", loc: ["body", 0], msg: "JSON decode error", input: {} }, text);
  }
}
