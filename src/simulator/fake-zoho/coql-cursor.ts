import { cutTokens, syntaxError, type Token } from "./coql-text.ts";

/** Reads a query token by token. What does not fit is a SYNTAX_ERROR at its place. */
export interface Cursor {
  peek(): Token;
  take(): Token;
  isWord(word: string): boolean;
  isSign(sign: string): boolean;
  /** Passes over a word or sign if it stands next. */
  passWord(word: string): boolean;
  passSign(sign: string): boolean;
  needWord(word: string): void;
  needSign(sign: string): void;
  /** One or more, parted by commas. */
  list<T>(one: () => T): T[];
  wholeNumber(): number;
  fail(at?: number): never;
}

/** Makes a cursor at the start of a query. */
export function createCursor(text: string): Cursor {
  const tokens = cutTokens(text);
  let next = 0;
  const end: Token = { kind: "end", value: "", at: text.length };
  const pass = (isThere: boolean) => {
    if (isThere) next += 1;
    return isThere;
  };
  const cursor: Cursor = {
    peek: () => tokens[next] ?? end,
    take: () => {
      const token = cursor.peek();
      next += 1;
      return token;
    },
    isWord: (word) => cursor.peek().kind === "name" && cursor.peek().value.toLowerCase() === word,
    isSign: (sign) => cursor.peek().kind === "sign" && cursor.peek().value === sign,
    passWord: (word) => pass(cursor.isWord(word)),
    passSign: (sign) => pass(cursor.isSign(sign)),
    needWord: (word) => {
      if (!cursor.passWord(word)) cursor.fail();
    },
    needSign: (sign) => {
      if (!cursor.passSign(sign)) cursor.fail();
    },
    list: (one) => {
      const found = [one()];
      while (cursor.passSign(",")) found.push(one());
      return found;
    },
    wholeNumber: () => {
      const token = cursor.take();
      if (token.kind !== "number" || !/^\d+$/.test(token.value)) cursor.fail(token.at);
      return Number(token.value);
    },
    fail: (at) => {
      throw syntaxError(text, at ?? cursor.peek().at);
    },
  };
  return cursor;
}
