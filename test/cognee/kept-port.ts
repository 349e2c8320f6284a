import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below what systems give out by chance (from 32,768 on Linux, from 49,152 elsewhere) and above what services are registered for. */
const PORT_FIRST = 20_000;
const PORT_LAST = 32_000;
/** Of thousands of ports few are taken. */
const TRIES_MAX = 50;

/**
 * A loopback port that nobody listens on, and that the system gives nobody by chance: whoever had it finds it free when they return to it
 * after a while.
 */
export async function keptPort(): Promise<number> {
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const port = randomInt(PORT_FIRST, PORT_LAST);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${PORT_FIRST} to ${PORT_LAST} in ${TRIES_MAX} tries`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
