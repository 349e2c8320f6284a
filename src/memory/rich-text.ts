/** Source characters of rich text that are read; mark-up may be several times the text. */
export const RICH_TEXT_SOURCE_MAX = 400_000;

/** Elements that start a new line where they begin and end. */
const BLOCKS = new Set(
  "address article aside blockquote br dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tbody tfoot thead tr ul".split(
    " ",
  ),
);
/** Elements whose content is not text. */
const HIDDEN = new Set(["script", "style", "head", "title", "template", "noscript", "iframe", "object", "svg"]);
/** Elements that stand in a line. Anything else between < and > is text, as in `<jane@acme.example>` or `a <b c`. */
const INLINE = new Set(
  "a abbr b big body center cite code col colgroup del em font html i img ins kbd label link mark meta o:p q s small span strike strong sub sup td th tt u var wbr".split(
    " ",
  ),
);

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  ndash: "–",
  mdash: "—",
  hellip: "…",
  bull: "•",
  middot: "·",
  euro: "€",
  pound: "£",
  copy: "©",
  reg: "®",
  trade: "™",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  laquo: "«",
  raquo: "»",
  auml: "ä",
  ouml: "ö",
  uuml: "ü",
  Auml: "Ä",
  Ouml: "Ö",
  Uuml: "Ü",
  szlig: "ß",
  eacute: "é",
  egrave: "è",
  agrave: "à",
  ccedil: "ç",
};

/** A tag ends before the next "<", so that a page of "<" is read once and not once a character. */
const TAG = /<(\/?)([a-zA-Z][a-zA-Z0-9:]*)(\s[^<>]*)?\/?>/y;

/**
 * Rich text as plain text: block elements become line ends, list items get a dash, links keep their address, scripts and
 * styles vanish, entities are decoded once. One pass over the source; text without mark-up comes back as it is.
 */
export function plainText(source: string): string {
  const html = source.length > RICH_TEXT_SOURCE_MAX ? source.slice(0, RICH_TEXT_SOURCE_MAX) : source;
  if (!html.includes("<")) return decodeEntities(html);
  const parts: string[] = [];
  let hasMarkup = false;
  let from = 0;
  let address = "";
  for (let at = html.indexOf("<"); at !== -1; at = html.indexOf("<", at)) {
    const tag = readTag(html, at);
    if (tag === undefined) {
      at += 1;
      continue;
    }
    hasMarkup = true;
    parts.push(decodeEntities(html.slice(from, at)));
    if (tag.name === "a") {
      if (tag.isEnd && address !== "") parts.push(` (${address})`);
      address = tag.isEnd ? "" : addressIn(tag.attributes);
    } else if (tag.name === "li" && !tag.isEnd) parts.push("\n- ");
    else if (tag.name === "td" || tag.name === "th") parts.push(" ");
    else if (BLOCKS.has(tag.name)) parts.push("\n");
    at = tag.end;
    from = at;
  }
  if (!hasMarkup) return decodeEntities(html);
  parts.push(decodeEntities(html.slice(from)));
  return parts
    .join("")
    .replace(/\n[ \t]+(?=\n|$)/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

interface Tag {
  readonly name: string;
  readonly isEnd: boolean;
  readonly attributes: string;
  /** Where the text goes on. */
  readonly end: number;
}

/** The tag, comment or hidden element at `at`; undefined when the character is only a character. */
function readTag(html: string, at: number): Tag | undefined {
  if (html.startsWith("<!", at)) return readDeclaration(html, at);
  TAG.lastIndex = at;
  const found = TAG.exec(html);
  const name = found?.[2]?.toLowerCase();
  if (name === undefined) return undefined;
  const isEnd = found?.[1] === "/";
  const tag = { name, isEnd, attributes: found?.[3] ?? "", end: TAG.lastIndex };
  if (HIDDEN.has(name)) return isEnd ? tag : { ...tag, end: endOfHidden(html, tag.end, name) };
  return BLOCKS.has(name) || INLINE.has(name) ? tag : undefined;
}

function readDeclaration(html: string, at: number): Tag | undefined {
  const isComment = html.startsWith("<!--", at);
  if (!isComment && !/^<!doctype/i.test(html.slice(at, at + 9))) return undefined;
  const close = html.indexOf(isComment ? "-->" : ">", at);
  // An open comment hides the rest, as a browser has it.
  const end = close === -1 ? html.length : close + (isComment ? 3 : 1);
  return { name: "!", isEnd: false, attributes: "", end };
}

/** Behind the end tag of a hidden element; the end of the text when there is none. */
function endOfHidden(html: string, from: number, name: string): number {
  const endTag = new RegExp(`</${name}\\s*>`, "gi");
  endTag.lastIndex = from;
  return endTag.exec(html) === null ? html.length : endTag.lastIndex;
}

function addressIn(attributes: string): string {
  return /\bhref\s*=\s*["']?(https?:\/\/[^\s"'<>]{1,2000})/i.exec(attributes)?.[1] ?? "";
}

function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return Object.hasOwn(NAMED, name) ? (NAMED[name] ?? whole) : whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number.parseInt(decimal, 10);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "";
  });
}
