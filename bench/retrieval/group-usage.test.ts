import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { groupCpuSeconds } from "./group-usage.ts";

/** Enough work to be seen in ticks of 10 ms. */
const BUSY_MS = 150;

test("counts the time of a process, of its child, and of a child that ended", async () => {
  const busy = `const end = process.cpuUsage().user + ${BUSY_MS}_000; while (process.cpuUsage().user < end);`;
  const child = spawn(
    process.execPath,
    [
      "-e",
      `require("node:child_process").spawnSync(process.execPath, ["-e", ${JSON.stringify(busy)}]); ${busy} console.log("done"); setInterval(() => {}, 1_000);`,
    ],
    { detached: true, stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    await once(child.stdout, "data");
    assert.ok(child.pid !== undefined);
    assert.ok(groupCpuSeconds(child.pid) >= (2 * BUSY_MS) / 1_000 - 0.02);
  } finally {
    child.kill("SIGKILL");
  }
});

test("a group that is not there has used nothing", () => {
  assert.equal(groupCpuSeconds(2 ** 31 - 1), 0);
});
