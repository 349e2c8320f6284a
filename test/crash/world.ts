import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/clock.ts";
import type { Crm } from "../../src/crm/crm.ts";
import { createZohoCrm } from "../../src/crm/zoho/zoho-crm.ts";
import { silentLog } from "../../src/log.ts";
import { type Random, seededRandom, systemRandom } from "../../src/random.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { startRelay } from "./relay.ts";
import { type Sender, signedEvent } from "./sender.ts";

/** The secret that signs the campaign's own events. */
export const SECRET = "campaign-secret-of-thirty-two-bytes!";

/** Everything around the process under test: the CRM, its users, and what it sends. */
export interface World {
  /** What `memhook serve` needs to reach this CRM. */
  readonly env: Readonly<Record<string, string>>;
  /** The CRM read by a client of the campaign's own. */
  readonly crm: Crm;
  /** Accounts that exist now. */
  accountIds(): readonly string[];
  /** Announces every account once, then lets the users work and the senders send until `stopChanging`. */
  startChanging(): void;
  /** Resolves when the last change's callback has reached the relay. */
  stopChanging(): Promise<void>;
  /** Announces the records of all deliveries that were given up, as their next change would. */
  announceAbandoned(): void;
  /** Moves the focus of the load: 0 is the first record of each module, 1 the last. */
  focusOn(part: number): void;
  /** Changes made so far. */
  changes(): number;
  close(): Promise<void>;
}

const NOTIFICATION_TOKEN = "campaign-notification-token";
const CHANNEL_ID = "1000000068001";
const CHANNEL_MODULES = ["Accounts", "Contacts", "Deals", "Tasks", "Events", "Calls"];
/** Zoho's longest channel life, a week, less an hour. */
const CHANNEL_LIFE_MS = 6 * 24 * 3_600_000;
/** Latency of the simulated CRM, so that kills also strike in the middle of a read. */
const CRM_LATENCY_MS = 20;
/** More than any campaign spends: it is about kills, and a design that reads an account for every event would run out of a real day's. */
const CREDITS_PER_DAY = 1_000_000_000;
/** Pause between two acts of the load. */
const PACE_MS = 5;
/** Deliveries under way beyond which the load holds back: memhook is down a good part of the time. */
const UNDER_WAY_MAX = 300;
/** Of the acts, the share that is a user's work anywhere in the CRM. */
const WORKDAY_SHARE = 0.15;
/** Of the acts, the share that edits an account in focus; the others are hints about records that have not changed. */
const EDIT_SHARE = 0.5;
/**
 * Part of the records that is in focus at a time. The focus moves on with every kill, so that most accounts are left alone
 * after the kill that hit them: the next event would heal, and hide, what a kill has broken.
 */
const FOCUS_WIDTH = 0.08;
/** How often the callbacks still on their way are counted. */
const POLL_MS = 20;
const HINTED_MODULES = ["Accounts", "Contacts", "Deals", "Tasks"];

/** Starts the CRM, and subscribes the relay to it. */
export async function startWorld(options: {
  readonly seed: number;
  readonly accounts: number;
  readonly sender: Sender;
}): Promise<World> {
  const { seed, sender } = options;
  const random = seededRandom(seed + 2);
  const relay = await startRelay(sender);
  const simulator = await startSimulator({
    seed,
    accounts: options.accounts,
    clock: systemClock,
    mischief: { latencyMs: CRM_LATENCY_MS },
    behaviour: { creditsPerDay: CREDITS_PER_DAY },
    signedNotes: { url: relay.url, secret: SECRET },
  });
  const crm = openCrm(simulator);
  await crm.openChannel(
    {
      channelId: CHANNEL_ID,
      events: CHANNEL_MODULES.flatMap((module) => ["create", "edit", "delete"].map((verb) => `${module}.${verb}`)),
      notifyUrl: relay.url,
      token: NOTIFICATION_TOKEN,
      expiresAt: systemClock.now() + CHANNEL_LIFE_MS,
    },
    AbortSignal.timeout(10_000),
  );

  const stopping = new AbortController();
  const acts = createActs({ simulator, sender, random, seed });
  let working = Promise.resolve();
  return {
    env: { ...simulator.credentials, ZOHO_NOTIFICATION_TOKEN: NOTIFICATION_TOKEN },
    crm,
    accountIds: () => simulator.crm.ids("Accounts"),
    startChanging: () => {
      for (const id of simulator.crm.ids("Accounts")) acts.hint("Accounts", id);
      working = actUntil(stopping.signal, () => {
        if (sender.underWay < UNDER_WAY_MAX) acts.act();
      });
    },
    stopChanging: async () => {
      stopping.abort();
      await working;
      while (simulator.stats.callbacks.pending > 0) await sleep(POLL_MS);
    },
    announceAbandoned: () => {
      for (const { module, recordId } of sender.log.abandoned) acts.hint(module, recordId);
    },
    focusOn: acts.focusOn,
    changes: () => acts.changes,
    close: async () => {
      stopping.abort();
      await working;
      await crm.close();
      await simulator.close();
      await relay.close();
    },
  };
}

function openCrm(simulator: Simulator): ReturnType<typeof createZohoCrm> {
  const { credentials } = simulator;
  return createZohoCrm({
    apiUrl: credentials.ZOHO_API_URL,
    accountsUrl: credentials.ZOHO_ACCOUNTS_URL,
    clientId: credentials.ZOHO_CLIENT_ID,
    clientSecret: credentials.ZOHO_CLIENT_SECRET,
    refreshToken: credentials.ZOHO_REFRESH_TOKEN,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
}

/** What the users and the senders do. */
interface Acts {
  readonly changes: number;
  act(): void;
  focusOn(part: number): void;
  /** Sends a signed event about a record, under an id of its own. */
  hint(module: string, recordId: string): void;
}

function createActs(deps: {
  readonly simulator: Simulator;
  readonly sender: Sender;
  readonly random: Random;
  readonly seed: number;
}): Acts {
  const { simulator, sender, random } = deps;
  let changes = 0;
  let hints = 0;
  const hint = (module: string, recordId: string) => {
    hints += 1;
    sender.send(
      signedEvent(SECRET, { eventId: `campaign-${deps.seed}-${hints}`, operation: "update", module, recordId }),
    );
  };
  let focus = 0;
  const idInFocus = (module: string): string | undefined => {
    const ids = simulator.crm.ids(module);
    return ids[Math.floor(((focus + random.next() * FOCUS_WIDTH) % 1) * ids.length)];
  };
  const workday = () => {
    changes += 1;
    simulator.crm.workday(random);
  };
  const edit = () => {
    const id = idInFocus("Accounts");
    changes += 1;
    if (id !== undefined) simulator.crm.update("Accounts", id, { Phone: `+1 555 ${changes}` });
  };
  const hintInFocus = () => {
    const module = HINTED_MODULES[Math.floor(random.next() * HINTED_MODULES.length)] ?? "Accounts";
    const id = idInFocus(module);
    if (id !== undefined) hint(module, id);
  };
  return {
    get changes() {
      return changes;
    },
    act: () => {
      const chance = random.next();
      if (chance < WORKDAY_SHARE) workday();
      else if (chance < WORKDAY_SHARE + EDIT_SHARE) edit();
      else hintInFocus();
    },
    focusOn: (part) => {
      focus = part;
    },
    hint,
  };
}

async function actUntil(signal: AbortSignal, act: () => void): Promise<void> {
  while (!signal.aborted) {
    act();
    await sleep(PACE_MS);
  }
}
