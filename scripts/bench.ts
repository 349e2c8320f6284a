import { spawnSync } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";

// Compiles product and benchmark and runs them as users run memhook: Node's own type stripping costs 40 MB, which are not memhook's.
rmSync(".bench", { recursive: true, force: true });
const compiler = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.bench.json"];
const compiled = spawnSync(process.execPath, compiler, { stdio: "inherit" });
if (compiled.status === 0) copyFileSync("package.json", ".bench/package.json");
const program = [".bench/bench/main.js", ...process.argv.slice(2)];
const ran = compiled.status === 0 ? spawnSync(process.execPath, program, { stdio: "inherit" }) : compiled;
process.exitCode = ran.status ?? 1;
