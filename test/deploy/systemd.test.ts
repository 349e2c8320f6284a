import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DRAIN_MS } from "../../src/app/app.ts";
import { ROLES } from "../../src/app/role.ts";
import { EXIT } from "../../src/cli/exit-code.ts";

/** What is given back after the drain. */
const GIVE_BACK_MS = 5_000;

const unit = readFileSync(join(import.meta.dirname, "..", "..", "deploy", "memhook.service"), "utf8");
const setting = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1] ?? assert.fail(`no ${name}`);

test("the unit runs a role that there is, from the package's own program", () => {
  const [, program, role] = setting("ExecStart").split(" ");
  assert.match(program ?? "", /\/dist\/cli\/main\.js$/);
  assert.ok(ROLES.some((known) => known === role));
});

test("the unit leaves time to drain, and does not start again what is misconfigured", () => {
  assert.ok(Number(setting("TimeoutStopSec")) * 1000 > DRAIN_MS + GIVE_BACK_MS);
  assert.equal(setting("KillSignal"), "SIGTERM");
  assert.equal(Number(setting("RestartPreventExitStatus")), EXIT.misused);
});

test("the unit writes the one folder that systemd makes for it, as a user of its own", () => {
  assert.equal(setting("DynamicUser"), "yes");
  assert.equal(setting("ProtectSystem"), "strict");
  assert.match(unit, new RegExp(`DATA_DIR=/var/lib/${setting("StateDirectory")}$`, "m"));
});
