import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type CogneeServer, startCognee } from "./cognee-server.ts";
import { COGNEE_VERSION, COGNEE_VERSION_BEFORE, ensureCognee } from "./install.ts";

/** Far above what a suite takes; one that hangs must not hang the run. */
const TIER_MS_MAX = 300_000;

const isMatrix = process.env["COGNEE_MATRIX"] === "all";
const versions = isMatrix ? [COGNEE_VERSION, COGNEE_VERSION_BEFORE] : [COGNEE_VERSION];
const installs = new Map<string, Awaited<ReturnType<typeof ensureCognee>>>();
for (const version of versions) installs.set(version, await ensureCognee(version));

/** One server a version serves all suites of this process: a start costs 9 to 16 s. Data sets of their own keep tests apart. */
const servers = new Map<string, Promise<CogneeServer>>();
after(async () => {
  for (const server of servers.values()) await (await server.catch(() => undefined))?.stop();
});

/** How a tier runs. */
export interface TierOptions {
  readonly timeoutMs?: number;
  /** Also on the version before, where COGNEE_MATRIX=all. */
  readonly isForEveryVersion?: boolean;
}

/**
 * Tests that need a real Cognee; `define` is called once a version. Without one they are left out, in one line that says so; where CI=true
 * that line is a failure, so that nobody takes a green run for one that had a Cognee.
 */
export function cogneeTier(
  name: string,
  define: (server: () => CogneeServer) => void,
  { timeoutMs = TIER_MS_MAX, isForEveryVersion = false }: TierOptions = {},
): void {
  for (const [version, install] of installs) {
    if (version !== COGNEE_VERSION && !isForEveryVersion) continue;
    const title = isForEveryVersion && isMatrix ? `${name}, Cognee ${version}` : name;
    if ("missing" in install) leaveOut(title, install.missing);
    else describe(title, { timeout: timeoutMs }, () => defineOn(version, define));
  }
}

function leaveOut(title: string, missing: string): void {
  test(`${title}: left out, ${missing}`, (context) => {
    assert.notEqual(process.env["CI"], "true", missing);
    context.diagnostic(`${title}: left out, ${missing}`);
  });
}

function defineOn(version: string, define: (server: () => CogneeServer) => void): void {
  let server: CogneeServer | undefined;
  before(async () => {
    const starting = servers.get(version) ?? startCognee({ version });
    servers.set(version, starting);
    server = await starting;
    await makeUsual(server);
  });
  define(() => {
    assert.ok(server, "the server is there when a test runs, not when it is defined");
    return server;
  });
}

/** A suite that ended in the middle of an outage must not fail the next one. */
async function makeUsual(server: CogneeServer): Promise<void> {
  server.model.setPoison(undefined);
  server.model.setUnembeddable(undefined);
  server.model.setChatStatus(undefined);
  server.model.setDelayMs(0);
  await server.model.setAway(false);
  await server.start();
}
