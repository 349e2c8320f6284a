import type { z } from "zod";
import { Fault, type FaultCode } from "../../faults.ts";
import type { HttpResponse } from "../../http.ts";
import type { DatasetCreationPayload } from "./api.generated.ts";
import { CogneeRefusal, faultOfRefusal } from "./cognee-faults.ts";
import type { CogneeCall, CogneeSession } from "./cognee-session.ts";
import { datasetReply, datasetsReply } from "./cognee-wire.ts";
import { SharedWork } from "./shared-work.ts";

/** A call that needs the dataset's id. */
export type DatasetCall = (datasetId: string) => CogneeCall;

/** Which dataset. With an id it is taken as it is and never made; without, it is made when it is missing. */
export interface DatasetPlace {
  readonly name: string;
  readonly id?: string;
}

/**
 * One dataset, called by its id: an unknown name would be created by some calls. Made when it is missing, and again when somebody deleted it,
 * unless its id was given.
 * `ask` and `send` throw Fault SINK_… for whatever goes wrong; `tryAsk` and `trySend` throw CogneeRefusal where Cognee refused the
 * call, for those who must judge it.
 */
export class CogneeDataset {
  readonly #session: CogneeSession;
  readonly #place: DatasetPlace;
  readonly #opening: DatasetCall;
  /** Making it, for all callers at once: none may fail because another went away. */
  readonly #making = new SharedWork((signal) => this.#open(signal));
  #id: string | undefined;

  /** With a call that opens the dataset's store, and says so when it cannot. */
  constructor(session: CogneeSession, place: DatasetPlace, opening: DatasetCall) {
    this.#session = session;
    this.#place = place;
    this.#opening = opening;
  }

  /** Id, and when it was made: one that was deleted and made again has the same id. */
  async identity(signal: AbortSignal): Promise<string> {
    const doing = "naming the dataset";
    this.#id = undefined; // It may have been deleted, and is made then.
    const id = await this.#idOf(signal);
    const datasets = await this.ask(datasetsReply, () => ({ method: "GET", path: "/datasets", doing }), signal);
    const found = datasets.find((dataset) => dataset.id === id);
    if (found === undefined) throw new Fault("SINK_UNAVAILABLE", doing, { detail: "dataset not listed" });
    return `${id}@${found.createdAt.replace(/Z$/, "")}`;
  }

  /** Proves that the server takes our calls, has the dataset, and can open its store. */
  async probe(signal: AbortSignal): Promise<void> {
    this.#id = undefined;
    await this.#idOf(signal);
    await this.proveStore(signal);
  }

  /**
   * Throws Fault SINK_DAMAGED where a crash has torn the store: a run and most of the calls that then fail do not say why (measured, 1.6.5). Another
   * refusal says that it could be opened.
   */
  async proveStore(signal: AbortSignal): Promise<void> {
    try {
      await this.trySend(this.#opening, signal);
    } catch (error) {
      if (!(error instanceof CogneeRefusal) || codeOf(error) === "SINK_DAMAGED")
        throw translated(error, this.#opening("").doing);
    }
  }

  ask<Schema extends z.ZodType>(schema: Schema, call: DatasetCall, signal: AbortSignal): Promise<z.infer<Schema>> {
    return this.#explained(() => this.tryAsk(schema, call, signal), call, signal);
  }

  send(call: DatasetCall, signal: AbortSignal): Promise<HttpResponse> {
    return this.#explained(() => this.trySend(call, signal), call, signal);
  }

  tryAsk<Schema extends z.ZodType>(schema: Schema, call: DatasetCall, signal: AbortSignal): Promise<z.infer<Schema>> {
    return this.#on(signal, (id) => this.#session.ask(schema, call(id), signal));
  }

  trySend(call: DatasetCall, signal: AbortSignal): Promise<HttpResponse> {
    return this.#on(signal, (id) => this.#session.send(call(id), signal));
  }

  /** Its refusal as a fault, which is that of the store where it does not say its cause and the store is torn. */
  async #explained<Result>(work: () => Promise<Result>, call: DatasetCall, signal: AbortSignal): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (isUnexplained(error)) await this.proveStore(signal);
      throw translated(error, call("").doing);
    }
  }

  /** By the dataset's id; once more where the dataset was deleted under us. */
  async #on<Result>(signal: AbortSignal, call: (id: string) => Promise<Result>): Promise<Result> {
    const before = await this.#idOf(signal);
    try {
      return await call(before);
    } catch (error) {
      if (codeOf(error) !== "SINK_FORBIDDEN" || this.#place.id !== undefined) throw error;
      this.#id = undefined;
      return call(await this.#idOf(signal));
    }
  }

  async #idOf(signal: AbortSignal): Promise<string> {
    this.#id ??= await this.#making.join(signal);
    return this.#id;
  }

  async #open(signal: AbortSignal): Promise<string> {
    const { name, id } = this.#place;
    if (id !== undefined) return id;
    const doing = "opening the dataset";
    const json = { name } satisfies DatasetCreationPayload;
    try {
      return (await this.#session.ask(datasetReply, { method: "POST", path: "/datasets", json, doing }, signal)).id;
    } catch (error) {
      throw translated(error, doing);
    }
  }
}

/** A refusal as the fault of the whole; anything else as it is. */
export function translated(error: unknown, doing: string): unknown {
  return error instanceof CogneeRefusal ? faultOfRefusal(error, doing) : error;
}

/** True for a failure of the server that says nothing of its cause. */
function isUnexplained(error: unknown): boolean {
  return error instanceof CogneeRefusal && error.status === 500 && codeOf(error) === "SINK_UNAVAILABLE";
}

/** What a refusal means; undefined for anything else. Of a dataset that was deleted Cognee says that it is forbidden. */
function codeOf(error: unknown): FaultCode | undefined {
  return error instanceof CogneeRefusal ? faultOfRefusal(error, "using the dataset").code : undefined;
}
