import assert from "node:assert/strict";
import { test } from "node:test";
import { cogneeWorld } from "../../../test/fakes/cognee-world.ts";

const never = new AbortController().signal;

for (const isPerAccount of [false, true])
  test(`a thorough probe of a new process tells of a model that is away; a plain one does not ask it (isPerAccount: ${isPerAccount})`, async (t) => {
    const { another, standIn } = await cogneeWorld(t, { isPerAccount });
    standIn.modelAway = true;
    await another().probe(never);
    assert.equal(standIn.counts.calls["GET /health/detailed"], undefined);
    await assert.rejects(another().probe(never, { isThorough: true }), { code: "SINK_MODEL_AWAY" });
    standIn.modelAway = false;
    await another().probe(never, { isThorough: true });
    assert.equal(standIn.counts.calls["GET /health/detailed"], 2);
  });
