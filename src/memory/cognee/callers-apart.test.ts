import assert from "node:assert/strict";
import { test } from "node:test";
import { cogneeWorld } from "../../../test/fakes/cognee-world.ts";
import { systemClock } from "../../clock.ts";
import { CogneeDataset, type DatasetCall } from "./cognee-dataset.ts";
import { CogneeSession } from "./cognee-session.ts";
import { OPENING } from "./dataset-memory.ts";

const never = new AbortController().signal;
const listing: DatasetCall = (id) => ({ method: "GET", path: `/datasets/${id}/data`, doing: "listing documents" });

for (const [what, path] of [
  ["makes the dataset", "/api/v1/datasets"],
  ["signs in", "/api/v1/auth/login"],
] as const)
  test(`a call that is given up while it ${what} takes no other with it that waits for the same`, async (t) => {
    const { standIn } = await cogneeWorld(t);
    const reached = Promise.withResolvers<void>();
    const free = Promise.withResolvers<void>();
    let made = 0;
    const gated: typeof fetch = async (url, init) => {
      if (init?.method === "POST" && String(url).endsWith(path)) {
        made += 1;
        reached.resolve();
        await Promise.race([free.promise, aborted(init.signal)]);
      }
      return fetch(url, init);
    };
    const { url, username, password } = standIn;
    const session = new CogneeSession({ url, credentials: { username, password }, clock: systemClock, fetch: gated });
    const dataset = new CogneeDataset(session, { name: "crm" }, OPENING);
    const client = new AbortController();
    const givenUp = assert.rejects(dataset.send(listing, client.signal), /went away/);
    const other = dataset.send(listing, never);
    await reached.promise;
    client.abort(new Error("the client went away"));
    await givenUp;
    free.resolve();
    assert.equal((await other).status, 200);
    assert.equal(made, 1);
  });

/** Rejects as a fetch does whose signal is aborted. */
function aborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
