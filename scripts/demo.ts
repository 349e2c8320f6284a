import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

// The demo, as `npm run demo` starts it. With --cognee, and no COGNEE_URL in the environment, a real Cognee is started for it, with a stand-in for its model.
const args = process.argv.slice(2);
const isOwn = args.includes("--cognee") && process.env["COGNEE_URL"] === undefined;
const server = isOwn ? await startServer() : undefined;
const place = server === undefined ? {} : { COGNEE_URL: server.url, COGNEE_API_KEY: server.apiKey };
const main = join(import.meta.dirname, "..", "src", "cli", "main.ts");
const demo = spawn(process.execPath, [main, "demo", ...args], { stdio: "inherit", env: { ...process.env, ...place } });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => demo.kill(signal));
const [code] = (await once(demo, "exit")) as [number | null]; // As documented by Node.
await server?.stop();
process.exitCode = code ?? 1;

async function startServer() {
  process.stderr.write("starting a Cognee, with a stand-in for its model (the first time it is installed, some 2 minutes)\n");
  const { startCognee } = await import("../test/cognee/cognee-server.ts");
  return startCognee();
}
