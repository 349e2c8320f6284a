import type { Clock } from "../../clock.ts";
import { type Log, silentLog } from "../../log.ts";
import { type Random, seededRandom } from "../../random.ts";
import { createMischief, type Mischief } from "../mischief.ts";
import { type Actions, createActions } from "./actions.ts";
import { type Behaviour, createBehaviour } from "./behaviour.ts";
import { createBulkRead } from "./bulk-read.ts";
import { type Channels, createChannels } from "./channel.ts";
import { runComposite } from "./composite.ts";
import { runCoql } from "./coql.ts";
import { type Courier, createCourier } from "./courier.ts";
import { createSimulatedCrm, type SimulatedCrm } from "./crm.ts";
import { listDeleted } from "./deleted-reads.ts";
import { type Endpoint, type EndpointParts, findBulkEndpoint, findEndpoint } from "./endpoints.ts";
import { createLimits, type Limits } from "./limits.ts";
import { createMergeEndpoint } from "./merge-endpoint.ts";
import * as metadata from "./metadata.ts";
import { createNotifier, type Notifier } from "./notifier.ts";
import { createOAuth, type OAuth, type OAuthSecrets } from "./oauth.ts";
import { createPageTokens } from "./page-tokens.ts";
import { moduleOf } from "./parameters.ts";
import { createRecordReads } from "./record-reads.ts";
import { createRecordWrites } from "./record-writes.ts";
import { emptyBin, listBin } from "./recycle-bin.ts";
import { listRelated } from "./related-reads.ts";
import { ok, Refusal, refused, type ZohoReply, type ZohoRequest } from "./reply.ts";
import { createSchema } from "./schema.ts";
import { seedCrm } from "./seed.ts";
import { type SignedNotes, sendSignedNote } from "./signed-notes.ts";
import { createStore, type Store } from "./store.ts";
import { createUiWebhooks, type UiWebhooks } from "./ui-webhooks.ts";
import { integrationUser, USERS } from "./users.ts";
import { createWatchEndpoint } from "./watch-endpoint.ts";

/** What a stand-in is made from. */
export interface ZohoOptions {
  readonly clock: Clock;
  readonly seed: number;
  readonly accounts: number;
  readonly secrets: OAuthSecrets;
  /** The address that clients reach the stand-in at; known once it listens. */
  readonly origin: () => string;
  readonly random?: Random;
  readonly log?: Log;
  readonly mischief?: Partial<Mischief>;
  readonly behaviour?: Partial<Behaviour>;
  readonly signedNotes?: SignedNotes | undefined;
}

/** A stand-in Zoho CRM without a server: calls in, replies out, callbacks sent. */
export interface Zoho {
  readonly store: Store;
  readonly crm: SimulatedCrm;
  readonly oauth: OAuth;
  readonly limits: Limits;
  readonly channels: Channels;
  readonly courier: Courier;
  readonly notifier: Notifier;
  readonly mischief: Mischief;
  readonly behaviour: Behaviour;
  readonly random: Random;
  /** The endpoint of a call, or a refusal. */
  endpoint(request: ZohoRequest, isBulk: boolean): Endpoint;
  close(): Promise<void>;
}

/** Makes a stand-in and fills it with records. */
export function createZoho(options: ZohoOptions): Zoho {
  const { clock, secrets, origin } = options;
  const random = options.random ?? seededRandom(options.seed ^ 0x5eed);
  const mischief = createMischief(options.mischief);
  const behaviour = createBehaviour(options.behaviour);
  const store = createStore(createSchema(), USERS, clock);
  seedCrm(store, { random: seededRandom(options.seed), accounts: options.accounts, now: clock.now() });

  const actions = createActions(store, clock);
  const channels = createChannels(clock.now);
  const base = { store, clock, random, mischief, behaviour, channels, origin };
  const courier = createCourier({ ...base, log: options.log ?? silentLog });
  const notifier = createNotifier({ ...base, courier });
  let signedNotes = options.signedNotes ?? null;
  const uiWebhooks = createUiWebhooks({ store, courier, clock });
  store.onChange((change) => {
    uiWebhooks.changed(change);
    // Notes have no push: only the org's own function tells of them.
    if (change.module !== "Notes") notifier.changed(change);
    else if (signedNotes !== null) sendSignedNote({ clock, courier }, signedNotes, change);
  });
  const setSignedNotes = (target: SignedNotes | null) => {
    signedNotes = target;
  };

  const parts = createParts({ ...base, actions, courier, uiWebhooks });
  return {
    ...{ store, channels, courier, notifier, mischief, behaviour, random },
    crm: createSimulatedCrm({ store, actions, clock, random, setSignedNotes }),
    oauth: createOAuth({ ...base, secrets }),
    limits: createLimits(base),
    endpoint: (request, isBulk) => (isBulk ? findBulkEndpoint(parts, request) : findEndpoint(parts, request)),
    close: async () => {
      notifier.close();
      await courier.close();
    },
  };
}

function createParts(deps: {
  store: Store;
  actions: Actions;
  clock: Clock;
  behaviour: Behaviour;
  channels: Channels;
  courier: Courier;
  uiWebhooks: UiWebhooks;
  origin: () => string;
}): EndpointParts {
  const { store, uiWebhooks } = deps;
  const actorId = integrationUser(store.users)?.id ?? "";
  const tokens = createPageTokens(deps.clock);
  const parts: EndpointParts = {
    reads: createRecordReads({ ...deps, tokens }),
    writes: createRecordWrites({ ...deps, actorId }),
    merge: createMergeEndpoint({ ...deps, actorId }),
    bulk: createBulkRead({ ...deps, actorId }),
    watch: createWatchEndpoint({ ...deps, schema: store.schema }),
    related: (request) => listRelated({ ...deps, tokens }, request),
    deleted: (request) => listDeleted(deps, request),
    count: (request) => ok({ count: store.count(moduleOf(store.schema, request, request.path[0]).apiName) }),
    coql: (request) => runCoql(deps, request),
    composite: (request) => runComposite(request, (uri, part) => runPart(parts, { uri, part, request })),
    users: (request) => metadata.listUsers(store, request),
    org: () => metadata.showOrg(),
    settings: {
      modules: { GET: (request) => metadata.listModules(store, request) },
      fields: { GET: (request) => metadata.listFields(store, request) },
      related_lists: { GET: (request) => metadata.listRelatedLists(store, request) },
      layouts: { GET: (request) => metadata.listLayouts(store, request) },
      recycle_bin: { GET: (request) => listBin(store, request), DELETE: (request) => emptyBin(deps, request) },
      "automation/webhooks": {
        GET: uiWebhooks.list,
        POST: uiWebhooks.create,
        PUT: uiWebhooks.update,
        DELETE: uiWebhooks.remove,
      },
      "automation/webhook_failures": { GET: uiWebhooks.failures },
    },
  };
  return parts;
}

/** Runs one part of a composite request. Its own refusal is its own answer. */
function runPart(
  parts: EndpointParts,
  call: {
    readonly uri: string;
    readonly part: { method: string; query: URLSearchParams; headers: Readonly<Record<string, unknown>>; body: Buffer };
    readonly request: ZohoRequest;
  },
): ZohoReply {
  const [, version = "8", rest = ""] = /^\/?crm\/v([\d.]+)\/(.*)$/.exec(call.uri) ?? [];
  const header = (name: string) => {
    const value = call.part.headers[name] ?? call.request.header(name);
    return typeof value === "string" ? value : undefined;
  };
  const path = rest.split("?")[0]?.split("/").map(decodeURIComponent) ?? [];
  const request: ZohoRequest = { ...call.part, version: Number(version), path, header };
  try {
    return findEndpoint(parts, request).run(request);
  } catch (error) {
    if (error instanceof Refusal) return refused(error);
    throw error;
  }
}
