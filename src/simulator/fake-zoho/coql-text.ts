import { badRequest, type Refusal } from "./reply.ts";

/** One piece of a COQL query, with its place in the text. */
export interface Token {
  readonly kind: "name" | "text" | "number" | "sign" | "end";
  readonly value: string;
  readonly at: number;
}

const SIGNS = ["<=", ">=", "!=", "=", "<", ">", "(", ")", ","];

/** Cuts a query into tokens. Text stands in single or double quotes, and a quote inside is doubled. */
export function cutTokens(query: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < query.length) {
    const rest = query.slice(at);
    const space = /^\s+/.exec(rest)?.[0];
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const token = nextToken(query, at);
    tokens.push(token.token);
    at = token.end;
  }
  tokens.push({ kind: "end", value: "", at });
  return tokens;
}

function nextToken(query: string, at: number): { token: Token; end: number } {
  const first = query.charAt(at);
  if (first === "'" || first === '"') return quoted(query, at, first);
  const rest = query.slice(at, at + 200);
  const number = /^-?\d+(\.\d+)?(?![\w.])/.exec(rest)?.[0];
  if (number !== undefined) return { token: { kind: "number", value: number, at }, end: at + number.length };
  const name = /^[$A-Za-z_][\w$]*(\.[$A-Za-z_][\w$]*)*/.exec(rest)?.[0];
  if (name !== undefined) return { token: { kind: "name", value: name, at }, end: at + name.length };
  const sign = SIGNS.find((candidate) => rest.startsWith(candidate));
  if (sign !== undefined) return { token: { kind: "sign", value: sign, at }, end: at + sign.length };
  throw syntaxError(query, at);
}

function quoted(query: string, at: number, quote: string): { token: Token; end: number } {
  let value = "";
  for (let index = at + 1; index < query.length; index += 1) {
    const char = query.charAt(index);
    if (char === "\n" || char === "\r") throw syntaxError(query, index); // multi-line text is not allowed in criteria
    if (char !== quote) value += char;
    else if (query.charAt(index + 1) === quote) {
      value += quote;
      index += 1;
    } else return { token: { kind: "text", value, at }, end: index + 1 };
  }
  throw syntaxError(query, at);
}

/** `SYNTAX_ERROR` at a place of the query. */
export function syntaxError(query: string, at: number): Refusal {
  return badRequest("SYNTAX_ERROR", "error occured while parsing the query", {
    line: query.slice(0, at).split("\n").length,
    column: at + 1,
    near: query.slice(at, at + 20),
  });
}
