/** The org's offset from UTC in minutes (+05:30): not zero, and not whole hours, so that a client that drops it is wrong. */
const ORG_OFFSET_MINUTES = 330;

const OFFSET_TEXT = "+05:30";
const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/;

/** Epoch milliseconds as Zoho writes a date-time: whole seconds with the org's offset. */
export function orgTime(atMs: number): string {
  const shifted = new Date(atMs + ORG_OFFSET_MINUTES * 60_000).toISOString();
  return `${shifted.slice(0, 19)}${OFFSET_TEXT}`;
}

/** The org's calendar day of an instant, as in `2026-01-08`. */
export function orgDay(atMs: number): string {
  return orgTime(atMs).slice(0, 10);
}

/** ISO 8601 text with an offset as epoch milliseconds, or undefined when it is no such text. */
export function parseTime(text: string): number | undefined {
  if (!ISO_TIME.test(text)) return undefined;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** True when the text is a time with a fraction of a second, which the watch API refuses. */
export function hasMilliseconds(text: string): boolean {
  return /\.\d+(Z|[+-]\d{2}:?\d{2})$/.test(text);
}
