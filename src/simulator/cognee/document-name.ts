/** Endings whose uploads were never refused as "already exists": the server guesses another type than `txt` for them. */
const UNGUARDED_ENDINGS = new Set(["md", "markdown", "json", "csv", "yaml", "yml", "xml"]);

/** The name that a document is stored under: path and last ending cut off, case kept. */
export function storedName(fileName: string): string {
  const base = baseOf(fileName);
  const dot = base.lastIndexOf(".");
  return dot <= 0 ? base : base.slice(0, dot);
}

/**
 * True when the server would notice that a document of this name is there already with other content. It compares the stored
 * ending, which is `txt` for all text, with the type that it guesses for the upload.
 */
export function isGuarded(fileName: string): boolean {
  const base = baseOf(fileName);
  const dot = base.lastIndexOf(".");
  return dot <= 0 || !UNGUARDED_ENDINGS.has(base.slice(dot + 1).toLowerCase());
}

/** The name without its path, which either kind of slash ends. */
function baseOf(fileName: string): string {
  return fileName.split(/[/\\]/).at(-1) ?? "";
}
