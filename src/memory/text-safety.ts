/**
 * Marks that only memhook writes: CRM text holds at most two of these in a row, so that no text can close the fence.
 * ASCII, because one wider character would make every document a string of twice the size and half the speed.
 */
export const FENCE_OPEN = "<<<";
export const FENCE_CLOSE = ">>>";

/** Longest single-line value in characters. Zoho's own single lines end at 255. */
export const LINE_LENGTH_MAX = 1_000;
/** Longest rich or long text in characters; Zoho's largest text fields hold 50,000. */
export const TEXT_LENGTH_MAX = 50_000;

/**
 * Finds what may need the work below. The ranges that pass are printable ASCII, composed Latin and Cyrillic letters, Han,
 * and usual typographic signs; all else is looked at closely.
 */
const SUSPECT_IN_LINE =
  /[^ -~\u00a1-\u00ac\u00ae-\u024f\u0400-\u0482\u048a-\u052f\u2013-\u2014\u2018-\u201e\u2026\u20ac\u4e00-\u9fff]| {2}|^ | $|<<<|>>>|!\[|[Cc][Rr][Mm] +[Dd][Aa]/;
const SUSPECT_IN_TEXT =
  /[^ -~\n\u00a1-\u00ac\u00ae-\u024f\u0400-\u0482\u048a-\u052f\u2013-\u2014\u2018-\u201e\u2026\u20ac\u4e00-\u9fff]|<<<|>>>|!\[|[Cc][Rr][Mm]\s+[Dd][Aa]/;

/** Line ends of every kind, as Unicode and the vertical tabs of old editors have them. */
const LINE_ENDS = /\r\n?|[\u2028\u2029\u0085\v\f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this takes out.
const CONTROLS = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/g;
/**
 * Characters that are not seen but change what is: bidirectional overrides and isolates, zero-width spaces, soft hyphens,
 * the tag characters and variation selectors that smuggle ASCII past a reader to a model, lone surrogates' stand-ins.
 */
const INVISIBLE =
  /\u034f|\u17b4|\u17b5|[\u180b-\u180f]|\u115f|\u1160|[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]|[\ufe00-\ufe0f]{2,}/gu;
/** Joiners belong into emoji and into Persian and Indic words; in runs and beside ASCII they only hide things. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII as a whole.
const STRAY_JOINERS = /[\u200c\u200d]{2,}|(?<=^|[\u0000-\u007f])[\u200c\u200d]+|[\u200c\u200d]+(?=$|[\u0000-\u007f])/gu;
const WHITE_SPACE = /[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
/** Markdown at the start of a line that would make structure: headings, code fences, rules and underlines. */
const STRUCTURE = /^(\s*)(#{1,6}(?=\s|$)|`{3}|~{3}|[=*_-]{3,}\s*$)/;

/** CRM text as one safe line: no control, no invisible character, no line end, at most LINE_LENGTH_MAX characters. */
export function safeLine(raw: string, lengthMax: number = LINE_LENGTH_MAX): string {
  if (raw.length <= lengthMax && !SUSPECT_IN_LINE.test(raw)) return raw;
  // Four times the bound is looked at: what cleaning takes out must not decide how much a hostile value costs.
  const line = clean(raw.slice(0, lengthMax * 4))
    .replace(/[\s]+/g, " ")
    .trim();
  return cut(line, lengthMax);
}

/** CRM text of many lines, safe, trimmed, without runs of blank lines, at most TEXT_LENGTH_MAX characters. */
export function safeText(raw: string): string {
  const bounded = raw.length > TEXT_LENGTH_MAX ? cut(raw, TEXT_LENGTH_MAX) : raw;
  const cleaned = SUSPECT_IN_TEXT.test(bounded) ? clean(bounded) : bounded;
  if (!cleaned.includes("\n")) return cleaned.trim();
  const lines = cleaned.split("\n").map((line) => line.trimEnd());
  const kept = lines.filter((line, index) => line !== "" || (lines[index - 1] ?? "") !== "");
  return kept.join("\n").trim();
}

/** Writes safe text of many lines as a block quotation, so that none of its lines can stand at the margin. */
export function quoted(text: string): string {
  let block = "";
  for (const line of text.split("\n")) {
    block += line === "" ? "\n  >" : `\n  > ${line.replace(STRUCTURE, "$1\\$2")}`;
  }
  return block;
}

/** Cuts between characters, and says so. */
export function cut(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  return `${text.slice(0, lengthMax - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

function clean(raw: string): string {
  return raw
    .toWellFormed()
    .replace(LINE_ENDS, "\n")
    .replace(CONTROLS, "")
    .replace(WHITE_SPACE, " ")
    .replace(INVISIBLE, "")
    .replace(STRAY_JOINERS, "")
    .normalize("NFC")
    .replace(/<{3,}/g, "<<")
    .replace(/>{3,}/g, ">>")
    .replace(/(crm)\s+(da)(?=ta)/gi, "$1·$2")
    .replaceAll("![", "! [");
}
