import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";

export const ROOT = join(import.meta.dirname, "..", "..");

/** A part of a YAML document, of which nothing is known until it is asked. */
export type Part = { readonly [key: string]: Part } & readonly Part[];

/** What stands where nothing stands. */
export const NOTHING = {} as Part; // Whatever is asked of it is absent.

/** Reads one document, with the merge keys that Compose knows. */
export function readYaml(path: string): Part {
  return parse(readFileSync(join(ROOT, path), "utf8"), { merge: true }) as Part; // A part may be anything.
}

/** An object of Kubernetes, with the file that it stands in. */
export interface Manifest {
  readonly path: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
  readonly object: Part;
}

/** Every object below a folder, but for Kustomize's own files. */
export function readManifests(folder: string): readonly Manifest[] {
  return yamlFiles(folder)
    .filter((path) => !path.endsWith("kustomization.yaml"))
    .flatMap((path) =>
      parseAllDocuments(readFileSync(join(ROOT, path), "utf8")).map((document) => {
        const [error] = [...document.errors, ...document.warnings];
        if (error !== undefined) throw new Error(`${path}: ${error.message}`);
        const object = document.toJS() as Part; // A part may be anything.
        const { kind, apiVersion, metadata } = object;
        return { path, kind: String(kind), apiVersion: String(apiVersion), name: String(metadata?.["name"]), object };
      }),
    );
}

/** The paths, from the root of the repository. */
export function yamlFiles(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => `${folder}/${file}`);
}

/** Whole numbers of bytes of a Kubernetes quantity or a Compose size. */
export function bytesOf(size: unknown): number {
  const [, number = "", unit = ""] = /^(\d+)([kmg]?)i?b?$/i.exec(String(size)) ?? [];
  return Number(number) * 1024 ** ["", "k", "m", "g"].indexOf(unit.toLowerCase());
}

/** Seconds of a Compose duration of one unit. */
export function secondsOf(duration: unknown): number {
  const [, number = "", unit = "s"] = /^(\d+)([sm])$/.exec(String(duration)) ?? [];
  return Number(number) * (unit === "m" ? 60 : 1);
}
