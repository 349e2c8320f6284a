import { spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";

// Compiles src to dist; the package's bin must be executable.
rmSync("dist", { recursive: true, force: true });
const compiled = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
if (compiled.status === 0) chmodSync("dist/cli/main.js", 0o755);
process.exitCode = compiled.status ?? 1;
