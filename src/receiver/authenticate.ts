import { type ExactJson, exactValue, isObject, parseJson } from "./exact-json.ts";
import { Refusal } from "./refusal.ts";
import { createTokenVerifier, type TokenVerifier, type TokenVerifierDeps } from "./verifiers/notification-token.ts";
import { type ReceiverSecrets, readySecrets, type SecretName } from "./verifiers/secrets.ts";
import { hasSignature, type SignedRequest, verifySignature } from "./verifiers/signature.ts";
import { hasStandardSignature, verifyStandardWebhook } from "./verifiers/standard-webhooks.ts";
import { readRecordId } from "./vocabulary.ts";

/** The kinds of proof a delivery can carry. */
export type AuthenticationKind = "token" | "signature" | "standard";

/** Who vouched for a delivery, and what may be believed because of it. */
export interface Authentication {
  readonly kind: AuthenticationKind;
  /** Which secret matched; absent for tokens. */
  readonly secret?: SecretName | undefined;
  /** The `webhook-id`, where it was signed: only then is it fit for a dedup key. */
  readonly webhookId?: string | undefined;
  /** The body, where it had to be parsed to find the token. */
  readonly exact?: ExactJson | Refusal | undefined;
}

/** What authentication is built with. */
export interface AuthenticatorDeps extends TokenVerifierDeps {
  readonly secrets: ReceiverSecrets;
}

/**
 * Judges a delivery by the proof that it claims. A signature header decides, be it wrong: a good token in the body does
 * not make up for a bad signature, and where both kinds of signature are there, both must be right. Undefined = refused.
 */
export function createAuthenticator(deps: AuthenticatorDeps): (request: SignedRequest) => Authentication | undefined {
  const secrets = readySecrets(deps.secrets);
  const findChannels = createTokenVerifier(deps);

  return (request) => {
    const isSigned = hasSignature(request.headers);
    const isStandard = hasStandardSignature(request.headers);
    if (!isSigned && !isStandard) return authenticateByToken(request, findChannels);
    const secret = isSigned ? verifySignature(request, secrets) : undefined;
    if (isSigned && secret === undefined) return undefined;
    if (!isStandard) return { kind: "signature", secret };
    const proof = verifyStandardWebhook(request, secrets);
    return proof === undefined ? undefined : { kind: "standard", secret: proof.secret, webhookId: proof.webhookId };
  };
}

/**
 * The token stands inside the body, which is parsed for it before anyone vouches for it: bounded in size and depth, and
 * read exactly (the dearer step) only once the token is known to be good.
 */
function authenticateByToken(request: SignedRequest, findChannels: TokenVerifier): Authentication | undefined {
  const parsed = parseJson(request.body);
  if (parsed === undefined || !isObject(parsed.value)) return undefined;
  const channels = findChannels(parsed.value["token"], request.nowMs);
  if (channels === undefined) return undefined;
  const exact = exactValue(parsed);
  if (exact instanceof Refusal || channels === "every") return { kind: "token", exact };
  const channelId = isObject(exact.value) ? readRecordId(exact.value["channel_id"]) : undefined;
  return channelId !== undefined && channels.includes(channelId) ? { kind: "token", exact } : undefined;
}
