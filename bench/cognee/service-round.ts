import { setTimeout as sleep } from "node:timers/promises";
import type { CogneeServer } from "../../test/cognee/cognee-server.ts";
import { groupCpuSeconds } from "../retrieval/group-usage.ts";
import { type HandDataset, type NamedText, openByHand, searchByHand } from "./by-hand.ts";
import { type Service, startService } from "./service.ts";
import { textOf } from "./sink.ts";
import { secondsOf } from "./timing.ts";
import { unsearchable } from "./unsearchable.ts";

/** The figures. */
const ACCOUNTS = 100;
const STORM_ACCOUNTS = 20;
const STORM_EVENTS_EACH = 10;
/** Single changes a round: enough for a median. */
const CHANGES = 8;
/** Passages asked for when looking for one word: the stub's vectors of long texts differ little, so it may rank low. */
const PASSAGES_WANTED = ACCOUNTS;
/** Between two looks whether a word is found; each look takes the server some 150 ms of its own. */
const LOOK_EVERY_MS = 100;
/** How long a change may take to be found before it counts as lost. */
const FOUND_MS_MAX = 60_000;

/** What something took: on the clock, and of the server's processors, which other work on the machine hurts least. */
export interface Took {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** By the service and by hand: of the same texts on the same server, one after the other. */
export interface Pair {
  readonly service: Took;
  readonly byHand: Took;
}

/** What one round of the whole service measured, beside calls by hand. */
export interface ServiceRound {
  readonly load: Pair;
  /** Index runs of the load, as the server tells. */
  readonly loadRuns: number;
  readonly changes: readonly Pair[];
  readonly storm: Pair;
  readonly stormWrites: { readonly counted: number; readonly onServer: number };
  readonly stormRuns: { readonly counted: number; readonly onServer: number };
  /** Names of documents whose newest text no search found when nothing was left to do, and dead letters. */
  readonly lost: readonly string[];
}

/** What a round works with. */
interface Scene {
  readonly service: Service;
  readonly server: CogneeServer;
  /** The service's dataset, as seen from outside. */
  readonly served: HandDataset;
  readonly hand: HandDataset;
  /** Every second round the calls by hand come first. */
  readonly isHandFirst: boolean;
  readonly lost: string[];
}

/** Runs one: first load, single changes, a storm. */
export async function runServiceRound(server: CogneeServer, round: number): Promise<ServiceRound> {
  const dataset = `bench_service_${round}`;
  const service = await startService(server, { dataset, accounts: ACCOUNTS, seed: round + 1 });
  try {
    const served = await openByHand(server, dataset);
    const hand = await openByHand(server, `bench_hand_${round}`);
    const scene: Scene = { service, server, served, hand, isHandFirst: round % 2 === 1, lost: [] };
    const { pair: load, ids } = await loadAll(scene);
    const loadRuns = await served.runs("cognify_pipeline");
    const changes: Pair[] = [];
    for (let change = 0; change < CHANGES; change += 1) changes.push(await changeOne(scene, ids, change));
    const { pair: storm, writes: stormWrites, runs: stormRuns } = await storms(scene, ids);
    const { deadLetters } = await service.counts();
    const dead = Array.from({ length: deadLetters }, () => "dead letter");
    await served.delete();
    await hand.delete();
    return { load, loadRuns, changes, storm, stormWrites, stormRuns, lost: [...scene.lost, ...dead] };
  } finally {
    await service.stop();
  }
}

/** Both ways, in the order of the round. */
async function inTurn(
  { server, isHandFirst }: Pick<Scene, "server" | "isHandFirst">,
  ways: Readonly<Record<keyof Pair, () => Promise<void>>>,
): Promise<Pair> {
  const first = isHandFirst ? await measured(server, ways.byHand) : undefined;
  const service = await measured(server, ways.service);
  return { service, byHand: first ?? (await measured(server, ways.byHand)) };
}

async function measured({ pid }: CogneeServer, work: () => Promise<void>): Promise<Took> {
  if (pid === undefined) throw new Error("the server has ended");
  const before = groupCpuSeconds(pid);
  const seconds = await secondsOf(work);
  return { seconds, cpuSeconds: groupCpuSeconds(pid) - before };
}

async function loadAll(scene: Scene): Promise<{ readonly pair: Pair; readonly ids: ReadonlyMap<string, string> }> {
  const { service, served, hand } = scene;
  const texts = (await service.documents(service.accountIds)).map(textOf);
  let ids: ReadonlyMap<string, string> = new Map();
  const pair = await inTurn(scene, {
    service: async () => {
      await service.deliver(service.accountIds);
      await service.settled();
    },
    byHand: async () => {
      ids = await hand.add(texts);
      await hand.cognify();
    },
  });
  scene.lost.push(...(await served.pending()), ...unsearchable(texts, await served.passages()));
  return { pair, ids };
}

async function changeOne(scene: Scene, ids: ReadonlyMap<string, string>, change: number): Promise<Pair> {
  const { service, server, served, hand } = scene;
  const accountId = service.accountIds[change] ?? "";
  const word = `Quillfeather${change}`;
  service.simulator.crm.update("Accounts", accountId, { Description: `They asked about the ${word}.` });
  const [text] = (await service.documents([accountId])).map(textOf);
  if (text === undefined) throw new Error("an account was not read");
  return inTurn(scene, {
    service: async () => {
      await service.deliver([accountId]);
      if (!(await isFound(server, served.id, word))) scene.lost.push(text.name);
    },
    byHand: () => update(hand, ids, text),
  });
}

/** Many events on few accounts, each of which is changed before each of its events. */
async function storms(scene: Scene, ids: ReadonlyMap<string, string>) {
  const { service, served, hand } = scene;
  const accountIds = service.accountIds.slice(CHANGES, CHANGES + STORM_ACCOUNTS);
  // As they will be in the end: the service, told of nothing, reads nothing.
  changeAll(scene, accountIds, STORM_EVENTS_EACH);
  const texts = (await service.documents(accountIds)).map(textOf);
  await service.settled(); // Whatever the changes before left to do is no part of the storm.
  const before = await countsOf(scene);
  const pair = await inTurn(scene, {
    service: async () => {
      for (let event = 1; event <= STORM_EVENTS_EACH; event += 1) {
        changeAll(scene, accountIds, event);
        await service.deliver(accountIds);
      }
      await service.settled();
    },
    byHand: async () => {
      for (const text of texts) await update(hand, ids, text);
    },
  });
  scene.lost.push(...(await served.pending()), ...unsearchable(texts, await served.passages()));
  const after = await countsOf(scene);
  const grown = (name: keyof typeof after) => after[name] - before[name];
  return {
    pair,
    writes: { counted: grown("documents"), onServer: grown("updates") },
    runs: { counted: grown("indexRuns"), onServer: grown("runs") },
  };
}

function changeAll({ service }: Scene, accountIds: readonly string[], event: number): void {
  for (const [index, id] of accountIds.entries()) {
    const Description = `They asked about the Larkspur${index}x${event}.`;
    service.simulator.crm.update("Accounts", id, { Description });
  }
}

async function countsOf({ service, served }: Scene) {
  const { documents, indexRuns } = await service.counts();
  const [runs, updates] = [await served.runs("cognify_pipeline"), await served.runs("incremental_update_pipeline")];
  return { documents, indexRuns, runs, updates };
}

/** A PATCH, of which it is checked that it was one: a rebuild would make the service look fast. */
async function update(hand: HandDataset, ids: ReadonlyMap<string, string>, text: NamedText): Promise<void> {
  const status = await hand.update(ids.get(text.name) ?? "", text);
  if (status !== "incremental") throw new Error(`an update by hand was ${status}`);
}

async function isFound(server: CogneeServer, datasetId: string, word: string): Promise<boolean> {
  const latest = performance.now() + FOUND_MS_MAX;
  while (performance.now() < latest) {
    const passages = await searchByHand(server, { datasetIds: [datasetId], query: word, topK: PASSAGES_WANTED });
    if (passages.some(({ text }) => text.includes(word))) return true;
    await sleep(LOOK_EVERY_MS);
  }
  return false;
}
