import { readFileSync } from "node:fs";

/** This release, from package.json, which lies one folder above in the source tree and in the package alike. */
export function releaseVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown";
}
