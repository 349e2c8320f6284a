import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type CogneeServer, startCognee } from "./cognee-server.ts";
import { COGNEE_VERSION, COGNEE_VERSION_BEFORE, ensureCognee } from "./install.ts";

/** Far above what a suite takes; one that hangs must not hang the run. */
const TIER_MS_MAX = 300_000;

/** `all`: on the version before as well. */
const matrix = process.env["COGNEE_MATRIX"] ?? "";
const versions = matrix === "all" ? [COGNEE_VERSION, COGNEE_VERSION_BEFORE] : [COGNEE_VERSION];
/** Before 1.6 each search, of whatever kind, asks the model what the question says of the last answer; the stub knows no such question. */
const ENV_BEFORE = { AUTO_FEEDBACK: "false" } as const;
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
  /** COGNEE_VERSION_BEFORE: where COGNEE_MATRIX=all; else one line says that nobody asked for it. */
  readonly version?: typeof COGNEE_VERSION | typeof COGNEE_VERSION_BEFORE;
}

/**
 * Tests that need a real Cognee. Without one they are left out, in one line that says so; where CI=true, or for a version that was asked for,
 * that line is a failure, so that nobody takes a green run for one that had a Cognee.
 */
export function cogneeTier(
  name: string,
  define: (server: () => CogneeServer) => void,
  { timeoutMs = TIER_MS_MAX, version = COGNEE_VERSION }: TierOptions = {},
): void {
  const install = installs.get(version);
  if (install === undefined) leaveUnasked(name);
  else if ("missing" in install) leaveOut(name, install.missing);
  else describe(name, { timeout: timeoutMs }, () => defineOn(version, define));
}

function leaveOut(title: string, missing: string): void {
  test(`${title}: left out, ${missing}`, (context) => {
    assert.notEqual(process.env["CI"], "true", missing);
    assert.notEqual(matrix, "all", missing);
    context.diagnostic(`${title}: left out, ${missing}`);
  });
}

function leaveUnasked(title: string): void {
  test(`${title}: not asked for, COGNEE_MATRIX=all runs it`, () => {
    assert.equal(matrix, "", `COGNEE_MATRIX is ${matrix}: only "all" is known`);
  });
}

function defineOn(version: string, define: (server: () => CogneeServer) => void): void {
  let server: CogneeServer | undefined;
  before(async () => {
    const env = version === COGNEE_VERSION_BEFORE ? ENV_BEFORE : {};
    const starting = servers.get(version) ?? startCognee({ version, env });
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
