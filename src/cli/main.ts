#!/usr/bin/env node
// Only what loads on any Node may be imported here; the rest comes after the check.
import { nodeProblem } from "./node-version.ts";

const problem = nodeProblem(process.versions);
if (problem === undefined) {
  const { runProcess } = await import("./host.ts");
  await runProcess();
} else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 2;
}
