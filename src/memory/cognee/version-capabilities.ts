/** What a version of Cognee can do, where versions differ: decided once, by the version that the server tells. */
export interface Capabilities {
  /** It tells of each document whether it is in the index. Otherwise its record of runs is asked (`RunRecord`). */
  readonly tellsIndexed: boolean;
  /** It replaces a text and keeps label, metadata and id. Otherwise a document is deleted and added: the older PATCH loses all but the id. */
  readonly updatesInPlace: boolean;
}

/** Versions by their first release, the newest first; each row holds up to the one above. */
const RELEASES: readonly { readonly major: number; readonly minor: number; readonly capabilities: Capabilities }[] = [
  { major: 1, minor: 6, capabilities: { tellsIndexed: true, updatesInPlace: true } },
  { major: 1, minor: 5, capabilities: { tellsIndexed: false, updatesInPlace: false } },
];

/** The oldest version that can be used, as it is told to people. */
export const VERSION_MIN = "1.5";

/** Of a version such as `1.6.5` or `1.6.5-local`; undefined where it is older than what is known, or no version at all. */
export function capabilitiesOf(version: string): Capabilities | undefined {
  const [major = Number.NaN, minor = Number.NaN] = version.split(".").map(Number);
  return RELEASES.find((release) => major > release.major || (major === release.major && minor >= release.minor))
    ?.capabilities;
}
