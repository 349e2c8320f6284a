import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault, type FaultCode } from "../../faults.ts";
import { HttpFailure } from "../../http.ts";
import { seededRandom } from "../../random.ts";
import { readIsolated } from "./isolate.ts";

const items = Array.from({ length: 16 }, (_, index) => `item-${index}`);

/** Reads items of which some always fail, from a CRM that is well or not. */
async function reading(options: {
  bad: readonly string[];
  code: FaultCode;
  probe?: () => Promise<void>;
  of?: readonly string[];
  hanging?: readonly string[];
  isAnotherReadable?: boolean;
}) {
  let reads = 0;
  let searches = 0;
  const late: string[] = [];
  const read = async (some: readonly string[]) => {
    reads += 1;
    if (some.some((item) => options.hanging?.includes(item))) throw timedOut();
    if (some.some((item) => options.bad.includes(item))) throw new Fault(options.code, "reading");
    return new Map(some.map((item) => [item, "read"]));
  };
  const results = await readIsolated<string, string>({
    items: options.of ?? items,
    read,
    readSoon: read,
    onSearch: () => {
      searches += 1;
    },
    onLate: (item) => void late.push(item),
    control: async () => options.isAnotherReadable === true,
    probe: options.probe ?? (async () => undefined),
    failed: (fault) => fault.code,
    random: seededRandom(7),
    doing: "reading",
  });
  return { results, reads, searches, late };
}

function timedOut(): Fault {
  return new Fault("CRM_UNREACHABLE", "reading", { cause: new HttpFailure("timeout", "late") });
}

/** Reads items of which some hang. */
const hanging = (names: readonly string[], more: Partial<Parameters<typeof reading>[0]> = {}) =>
  reading({ bad: [], code: "CRM_UNAVAILABLE", hanging: names, ...more });

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

test("finds the items that hang, in few rounds, reads their neighbours, and repeats none of them", async () => {
  const { results, reads, searches, late } = await hanging(["item-3", "item-9"]);
  assert.deepEqual(late, ["item-3", "item-9"]);
  assert.equal([...results.values()].filter((result) => result === "read").length, 14);
  assert.equal(results.get("item-9"), "CRM_READ_FAILED");
  assert.equal(searches, 1);
  assert.equal(reads, 1 + 8 + 4);
});

test("an item that is read alone and hangs while a probe succeeds has failed at once", async () => {
  const { results, reads, late } = await hanging(["item-3"], { of: ["item-3"] });
  assert.deepEqual([...results], [["item-3", "CRM_READ_FAILED"]]);
  assert.deepEqual([reads, late], [1, ["item-3"]]);
});

test("finds an item that fails otherwise beside one that hangs", async () => {
  const { results, late } = await hanging(["item-3"], { bad: ["item-4"], code: "CRM_REPLY_INVALID" });
  assert.deepEqual(late, ["item-3"]);
  assert.equal(results.get("item-4"), "CRM_READ_FAILED");
  assert.equal([...results.values()].filter((result) => result === "read").length, 14);
});

test("when everything hangs, another account that can be read tells a few bad accounts from an outage", async () => {
  await assert.rejects(hanging(items), (error) => error instanceof Fault && error.retry === "pause");
  const { results } = await hanging(items, { isAnotherReadable: true });
  assert.deepEqual(new Set(results.values()), new Set(["CRM_READ_FAILED"]));
  const few = await hanging(["item-1", "item-2"], { of: ["item-1", "item-2"] });
  assert.equal(few.late.length, 2);
});

test("throws an outage when the probe fails after a time-out", async () => {
  const probe = () => Promise.reject(timedOut());
  await assert.rejects(
    hanging(["item-1"], { probe }),
    (error) => error instanceof Fault && error.code === "CRM_UNREACHABLE",
  );
});
