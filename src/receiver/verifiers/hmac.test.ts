import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { hmacKey, hmacSha256 } from "./hmac.ts";
import { readySecrets } from "./secrets.ts";
import { verifyStandardWebhook } from "./standard-webhooks.ts";

test("equals OpenSSL's HMAC for keys and texts of any length, also around the block and the kept buffer", () => {
  const length = fc.oneof(
    fc.integer({ min: 0, max: 200 }),
    fc.constantFrom(63, 64, 65, 16_383, 16_384, 16_385, 40_000),
  );
  fc.assert(
    fc.property(length, length, fc.integer({ min: 0, max: 40 }), (keyLength, bodyLength, prefixLength) => {
      const key = Buffer.alloc(keyLength, "k");
      const body = Buffer.alloc(bodyLength, "b");
      const prefix = "é".repeat(prefixLength);
      const expected = createHmac("sha256", key).update(Buffer.from(prefix, "latin1")).update(body).digest("hex");
      const ready = hmacKey(key);
      assert.equal(hmacSha256(ready, prefix, body).toString("hex"), expected);
      assert.equal(hmacSha256(ready, prefix, body).toString("hex"), expected);
    }),
    { numRuns: 300 },
  );
});

test("accepts the example of the Standard Webhooks specification's own libraries", () => {
  const secrets = readySecrets({ current: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" });
  const headers = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  const request = { headers, body: Buffer.from('{"test": 2432232314}'), nowMs: 1_614_265_330_000 };
  assert.deepEqual(verifyStandardWebhook(request, secrets), { secret: "current", webhookId: headers["webhook-id"] });
});
