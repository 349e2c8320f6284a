/** Part of a section: one record, or one field. */
export interface Entry {
  readonly text: string;
  /**
   * When the document is too large, entries go in ascending order of `keep` (old notes and closed activities before open
   * ones, before deals, before contacts), then of `date` (oldest first; none counts as oldest), then of `id`.
   */
  readonly keep: number;
  readonly date: string;
  readonly id: string;
}

/** A part of a document with a heading. `word` names its entries in the line that says how many were left out. */
export interface Section {
  readonly heading: string;
  readonly word: string;
  /** In the order in which they are written. */
  readonly entries: readonly Entry[];
}

/** Room for the lines that say what was left out: one a section. */
const OMISSION_BYTES = 100;

/**
 * Writes sections within `bytesMax` (UTF-8). What does not fit is left out, whole entries at a time, with a line that says
 * how many. Equal sections give equal text.
 */
export function writeSections(sections: readonly Section[], bytesMax: number): string {
  const whole = write(sections, undefined);
  // A UTF-16 unit is at most three bytes: most documents are proved small without being measured.
  if (whole.length * 3 <= bytesMax || Buffer.byteLength(whole) <= bytesMax) return whole;
  return write(sections, leftOut(sections, bytesMax, Buffer.byteLength(whole)));
}

function leftOut(sections: readonly Section[], bytesMax: number, bytes: number): ReadonlySet<Entry> {
  const out = new Set<Entry>();
  let excess = bytes + sections.length * OMISSION_BYTES - bytesMax;
  const candidates = sections.flatMap((section) => section.entries).sort(byWorth);
  for (const entry of candidates) {
    if (excess <= 0) break;
    out.add(entry);
    excess -= Buffer.byteLength(entry.text);
  }
  return out;
}

function write(sections: readonly Section[], out: ReadonlySet<Entry> | undefined): string {
  let text = "";
  for (const section of sections) {
    text += section.heading;
    let omitted = 0;
    for (const entry of section.entries) {
      if (out?.has(entry)) omitted += 1;
      else text += entry.text;
    }
    if (omitted > 0)
      text += `\n(${omitted} of ${section.entries.length} ${section.word} left out: the document is full.)\n`;
  }
  return text;
}

function byWorth(a: Entry, b: Entry): number {
  if (a.keep !== b.keep) return a.keep - b.keep;
  if (a.date !== b.date) return a.date < b.date ? -1 : 1;
  return compareIds(a.id, b.id);
}

/** Orders decimal ids by value without making numbers of them. */
export function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
