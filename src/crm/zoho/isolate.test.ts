import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault, type FaultCode } from "../../faults.ts";
import { seededRandom } from "../../random.ts";
import { readIsolated } from "./isolate.ts";

const items = Array.from({ length: 16 }, (_, index) => `item-${index}`);

/** Reads items of which some always fail, from a CRM that is well or not. */
async function reading(options: {
  bad: readonly string[];
  code: FaultCode;
  probe?: () => Promise<void>;
  of?: readonly string[];
}) {
  let reads = 0;
  const results = await readIsolated<string, string>({
    items: options.of ?? items,
    read: async (some) => {
      reads += 1;
      if (some.some((item) => options.bad.includes(item))) throw new Fault(options.code, "reading");
      return new Map(some.map((item) => [item, "read"]));
    },
    probe: options.probe ?? (async () => undefined),
    failed: (fault) => fault.code,
    random: seededRandom(7),
    doing: "reading",
  });
  return { results, reads };
}

test("reads all neighbours of the items that fail", async () => {
  const { results, reads } = await reading({ bad: ["item-3", "item-9"], code: "CRM_UNAVAILABLE" });
  const failed = [...results].filter(([, result]) => result !== "read");
  assert.deepEqual(failed.toSorted(), [
    ["item-3", "CRM_READ_FAILED"],
    ["item-9", "CRM_READ_FAILED"],
  ]);
  assert.equal(results.size, items.length);
  assert.ok(reads < 30, `${reads} reads`);
});

test("takes a refusal for final beside neighbours that were read, and not when it is alone", async () => {
  const beside = await reading({ bad: ["item-3"], code: "CRM_REQUEST_REFUSED" });
  assert.equal(beside.results.get("item-3"), "CRM_REQUEST_REFUSED");
  const alone = await reading({ bad: ["item-3"], code: "CRM_REQUEST_REFUSED", of: ["item-3"] });
  assert.equal(alone.results.get("item-3"), "CRM_READ_FAILED");
});

test("throws an outage after one probe, without halving", async () => {
  let probes = 0;
  const probe = async () => {
    probes += 1;
    throw new Fault("CRM_UNAVAILABLE", "probing");
  };
  await assert.rejects(reading({ bad: items, code: "CRM_UNAVAILABLE", probe }), /server error/);
  assert.equal(probes, 1);
});

test("throws an outage when nothing at all can be read although the probe answers", async () => {
  for (const code of ["CRM_UNAVAILABLE", "CRM_REPLY_INVALID", "CRM_REQUEST_REFUSED"] as const) {
    await assert.rejects(reading({ bad: items, code }), (error) => error instanceof Fault && error.retry === "pause");
  }
});

test("does not look for one culprit when credentials, limits or the network are in trouble", async () => {
  for (const code of ["CRM_RATE_LIMITED", "CRM_TOKEN_REVOKED", "CRM_FORBIDDEN", "CRM_UNREACHABLE"] as const) {
    const wrong = () => Promise.reject(new Error("probed"));
    await assert.rejects(
      reading({ bad: ["item-1"], code, probe: wrong }),
      (error) => error instanceof Fault && error.code === code,
    );
  }
});
