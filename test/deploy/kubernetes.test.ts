import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { DRAIN_MS } from "../../src/app/app.ts";
import { ROLES } from "../../src/app/role.ts";
import { loadConfig } from "../../src/config/load.ts";
import { bytesOf, type Manifest, NOTHING, ROOT, readManifests, readYaml, yamlFiles } from "./manifests.ts";

const FOLDER = "deploy/kubernetes";
/** What is given back after the drain. */
const GIVE_BACK_MS = 5_000;

const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
const manifests = readManifests(FOLDER);
const workloads = manifests.filter(({ kind }) => ["StatefulSet", "Deployment"].includes(kind));
const podOf = ({ object }: Manifest) => object["spec"]?.["template"] ?? assert.fail("no pod");
const containerOf = (workload: Manifest) => podOf(workload)["spec"]?.["containers"]?.[0] ?? assert.fail("no container");

test("every kustomization names files that are there, and every file is named", () => {
  const kustomizations = yamlFiles(FOLDER).filter((path) => path.endsWith("kustomization.yaml"));
  const named = kustomizations.flatMap((path) => {
    const { resources = [], components = [], configMapGenerator = [] } = readYaml(path);
    const env = [...configMapGenerator].flatMap(({ envs = [] }) => [...envs]);
    return [...resources, ...components, ...env].map((target) => join(dirname(path), String(target)));
  });
  for (const path of named) assert.ok(existsSync(join(ROOT, path)), path);
  for (const path of yamlFiles(FOLDER)) {
    const target = path.endsWith("/kustomization.yaml") ? dirname(path) : path;
    const isNamed = named.includes(target) || target === `${FOLDER}/example`;
    assert.ok(isNamed, `${path} is in no kustomization`);
  }
});

test("two workloads run the roles that share a Redis, at this release", () => {
  const roles = workloads.map((workload) => String(containerOf(workload)["args"]?.[0]));
  assert.deepEqual(roles.toSorted(), ["receiver", "worker"]);
  for (const role of roles) assert.ok(ROLES.some((known) => known === role));
  const { version }: { version: string } = JSON.parse(text("package.json"));
  for (const place of ["base", "example"]) {
    assert.deepEqual(
      [...(readYaml(`${FOLDER}/${place}/kustomization.yaml`)["images"] ?? [])].map((image) => image["newTag"]),
      [version],
    );
  }
});

test("each container has no rights, no writable root, and writes where something is mounted", () => {
  for (const workload of workloads) {
    const { securityContext: pod } = podOf(workload)["spec"] ?? NOTHING;
    assert.equal(pod?.["runAsNonRoot"], true);
    assert.deepEqual(pod?.["seccompProfile"], { type: "RuntimeDefault" });
    const container = containerOf(workload);
    assert.deepEqual(container["securityContext"], {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    assert.deepEqual(
      [...(container["volumeMounts"] ?? [])].map((mount) => mount["mountPath"]),
      ["/data", "/tmp"],
    );
    assert.ok(container["resources"]?.["limits"]?.["memory"] !== undefined);
    const user = /^USER (\d+):(\d+)$/m.exec(text("Dockerfile"));
    assert.deepEqual([pod?.["runAsUser"], pod?.["runAsGroup"], pod?.["fsGroup"]].map(String), [
      user?.[1],
      user?.[2],
      user?.[2],
    ]);
  }
});

test("probes ask routes that there are, at a port that the container has", () => {
  const routes = text("src/app/status-routes.ts");
  for (const workload of workloads) {
    const container = containerOf(workload);
    const ports = [...(container["ports"] ?? [])].map((port) => port["name"]);
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) {
      const { path, port } = container[probe]?.["httpGet"] ?? assert.fail(`${workload.name} has no ${probe}`);
      assert.ok(routes.includes(`server.get("${path}"`), `${path}`);
      assert.ok(ports.includes(port));
    }
  }
});

test("what a stopped pod needs to drain, it is given", () => {
  for (const workload of workloads) {
    const preStop = Number(containerOf(workload)["lifecycle"]?.["preStop"]?.["exec"]?.["command"]?.[1] ?? 0);
    const grace = Number(podOf(workload)["spec"]?.["terminationGracePeriodSeconds"]);
    assert.ok((grace - preStop) * 1000 > DRAIN_MS + GIVE_BACK_MS, workload.name);
  }
});

test("the settings are ones that memhook takes, with those that the secrets hold", () => {
  const settings = Object.fromEntries(
    text(`${FOLDER}/base/settings.env`)
      .split("\n")
      .filter((line) => !/^(#|$)/.test(line))
      .map((line) => line.split("=")),
  );
  const own = [...(readYaml(`${FOLDER}/example/kustomization.yaml`)["configMapGenerator"] ?? [])]
    .flatMap(({ literals = [] }) => [...literals])
    .map((literal) => String(literal).split("="));
  const env = { ...settings, ...Object.fromEntries(own), REDIS_URL: "rediss://:a-password@redis.example:6380" };
  const loaded = loadConfig({ env, cwd: join(ROOT, FOLDER) });
  assert.equal(loaded.outcome, "valid");
  if (loaded.outcome !== "valid" || loaded.config.engine.kind !== "redis") return assert.fail("not on Redis");
  const claim = manifests.find(({ kind }) => kind === "StatefulSet")?.object["spec"]?.["volumeClaimTemplates"]?.[0];
  const size = bytesOf(claim?.["spec"]?.["resources"]?.["requests"]?.["storage"]);
  assert.ok(size > 2 * loaded.config.engine.spillBytesMax, "the file, and its log");
});

test("every selector fits pods that there are", () => {
  const pods = workloads.map((workload) => podOf(workload)["metadata"]?.["labels"] ?? NOTHING);
  const selectors = manifests.flatMap(({ kind, name, object }) => {
    const { selector = NOTHING, podSelector } = object["spec"] ?? NOTHING;
    const labels = kind === "Service" ? selector : (podSelector?.["matchLabels"] ?? selector["matchLabels"]);
    const isOfPods = ["Service", "NetworkPolicy", "PodDisruptionBudget", "StatefulSet", "Deployment"].includes(kind);
    return isOfPods ? [{ name: `${kind} ${name}`, labels: labels ?? NOTHING }] : [];
  });
  for (const { name, labels } of selectors) {
    assert.ok(Object.keys(labels).length > 0, name);
    const fits = pods.some((pod) => Object.entries(labels).every(([key, value]) => pod[key] === value));
    assert.ok(fits, name);
  }
});

test("what scales names workloads that there are, and whose number nothing else sets", () => {
  for (const { path, object } of manifests.filter(({ kind }) => /Autoscaler|ScaledObject/.test(kind))) {
    const { kind, name } = object["spec"]?.["scaleTargetRef"] ?? assert.fail("no target");
    assert.ok(workloads.some((workload) => workload.kind === String(kind) && workload.name === String(name)));
    const [patch] = [...(readYaml(join(dirname(path), "kustomization.yaml"))["patches"] ?? [])];
    assert.deepEqual(patch?.["target"], { kind, name });
    assert.match(String(patch?.["patch"]), /op: remove\n\s+path: \/spec\/replicas/);
  }
});

test("the alarms are those of docs/operations.md, with their limits and patience", () => {
  const table = text("docs/operations.md").split("## Alarms worth having")[1] ?? "";
  const documented = [...table.matchAll(/^\| [^|`]+ \| `((?:[^`\\]|\\.)+)`(.*)\|$/gm)].map(
    ([, expression = "", rest = ""]) => {
      const [, left, comparison] = /^(.*) ((?:>|<|==) \S+)$/.exec(expression.replaceAll("\\|", "|")) ?? [];
      const [, count, unit] = /for (\d+) (min|h)/.exec(rest) ?? [];
      return { left, comparison, for: count === undefined ? undefined : `${count}${unit === "h" ? "h" : "m"}` };
    },
  );
  const rules = manifests.find(({ kind }) => kind === "PrometheusRule")?.object["spec"]?.["groups"]?.[0]?.["rules"];
  const shipped = [...(rules ?? [])].map((rule) => {
    const [, left, comparison] =
      /^(?:max|min)(?: by \(\w+\))? ?\((.*)\) ((?:>|<|==) \S+)$/.exec(String(rule["expr"])) ?? [];
    return { left, comparison, for: rule["for"] };
  });
  assert.ok(documented.length > 5);
  assert.deepEqual(shipped, documented);
});

test("every metric that is asked for exists", () => {
  const source = text("src/app/prometheus.ts");
  const asked = yamlFiles(FOLDER).flatMap((path) => [...text(path).matchAll(/\bmemhook_([a-z_]+)\b/g)]);
  assert.ok(asked.length > 5);
  for (const [, name = ""] of asked) assert.match(source, new RegExp(`"(memhook_)?${name}"`));
});

test("no secret is made here: each is a reference to one that the operator makes", () => {
  assert.deepEqual(
    manifests.filter(({ kind }) => kind === "Secret"),
    [],
  );
  const secretsOf = (workload: Manifest) =>
    [...(containerOf(workload)["envFrom"] ?? [])].flatMap(({ secretRef }) =>
      secretRef ? [String(secretRef["name"])] : [],
    );
  const page = text("docs/deployment.md");
  for (const name of workloads.flatMap(secretsOf)) assert.ok(page.includes(`generic ${name}`), name);
  const receiver = workloads.find(({ kind }) => kind === "StatefulSet") ?? assert.fail("no receiver");
  assert.ok(!secretsOf(receiver).includes("memhook-crm"), "a receiver calls nobody");
});
