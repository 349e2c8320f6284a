/** A section of a rendered document: its heading with what stands before the first record, and its records, each with its heading. */
export interface SectionPart {
  readonly head: string;
  readonly records: readonly string[];
}

/** A rendered document in pieces that make it up again (`joinParts`). */
export interface DocumentParts {
  readonly title: string;
  /** The fence, the title and the account's id. */
  readonly frame: string;
  readonly sections: readonly SectionPart[];
  /** The closing mark. */
  readonly closing: string;
}

const CLOSING = /\n<<<End of CRM DATA[^\n]*\n$/;
const TITLE = /\n# ([^\n]*)\n/;
// CRM text never stands at the margin of a document, so a heading there is memhook's own.
const SECTION_START = /\n(?=## )/;
const RECORD_START = /\n(?=### )/;

/** Takes a document apart that `renderDocument` wrote. */
export function partsOf(text: string): DocumentParts {
  const closing = CLOSING.exec(text)?.[0];
  const title = TITLE.exec(text)?.[1];
  if (closing === undefined || title === undefined) throw new Error("not a document of memhook");
  const [frame = "", ...sections] = text.slice(0, -closing.length).split(SECTION_START);
  return {
    title,
    frame,
    sections: sections.map((section) => {
      const [head = "", ...records] = section.split(RECORD_START);
      return { head, records };
    }),
    closing,
  };
}

/** The document of which these are the parts. */
export function joinParts({ frame, sections, closing }: DocumentParts): string {
  const texts = sections.map(({ head, records }) => [head, ...records].join("\n"));
  return `${[frame, ...texts].join("\n")}${closing}`;
}

/** The word of a section's heading, without the number of its records: `Contacts`. */
export function sectionName({ head }: SectionPart): string {
  return /^## (.*?)(?: \(\d+\))?$/m.exec(head)?.[1] ?? "";
}
