import assert from "node:assert/strict";
import { test } from "node:test";
import { readManifests } from "./manifests.ts";

/** Who publishes the schemas of an API group as classes that check their own objects; all others are Kubernetes' own. */
const PACKAGES: Readonly<Record<string, string>> = {
  "keda.sh": "@kubernetes-models/keda",
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
};

interface Model {
  validate(): void;
}

for (const { path, kind, name, apiVersion, object } of readManifests("deploy/kubernetes")) {
  test(`${kind} ${name} fits the schema of ${apiVersion} (${path})`, async () => {
    const [group = ""] = apiVersion.split("/");
    const folder = PACKAGES[group] ?? "kubernetes-models";
    const module: Readonly<Record<string, new (object: unknown) => Model>> = await import(
      `${folder}/${apiVersion}/${kind}`
    );
    const Class = module[kind] ?? assert.fail(`no schema of ${kind}`);
    new Class(object).validate();
  });
}

test("an object that does not fit is told", async () => {
  const { StatefulSet } = await import("kubernetes-models/apps/v1/StatefulSet");
  const wrong: unknown = {
    metadata: { name: "a" },
    spec: { replicas: "two", serviceName: "a", selector: {}, template: {} },
  };
  assert.throws(() => new StatefulSet(wrong as ConstructorParameters<typeof StatefulSet>[0]).validate(), /replicas/); // Wrong on purpose.
});
