import { setTimeout as sleep } from "node:timers/promises";
import type { Life, Stop } from "./judge-records.ts";
import type { ProgramProcess } from "./program-process.ts";
import { machineMs, readRecord } from "./sync-record.ts";

/** One life of a process, as its program starts it. */
export interface Started {
  readonly process: ProgramProcess;
  /** Resolves once it works; rejects when it ended before. */
  ready(): Promise<void>;
  /** Where deliveries go; undefined while that is not known, or of a process that takes none. */
  url(): string | undefined;
  /** What it ends with after SIGTERM when all is well: 0, or null where it has no end of its own. */
  readonly endCode: 0 | null;
  /** Records that it writes, by the name of who writes: one a process, or one a task. */
  readonly records: readonly { readonly name: string; readonly path: string }[];
}

/** Starts the `life`th process of a place, with the same arguments and folder every time. */
export type StartLife = (life: number) => Started;

/** Longest end after SIGTERM: the drain's own 20 s and some. */
const END_MS_MAX = 30_000;

/** One process of the fleet, started anew whenever it is killed. */
export class Place {
  readonly name: string;
  readonly #start: StartLife;
  readonly #lives: Life[] = [];
  readonly #wrongs: string[] = [];
  #count = 0;
  #started: Started | undefined;
  #stops: Stop[] = [];
  #isReady = false;
  /** Ends when a stop or a restart has ended: until then it is left alone. */
  #busy: Promise<void> = Promise.resolve();

  constructor(name: string, start: StartLife) {
    this.name = name;
    this.#start = start;
  }

  /** What went wrong with processes: who ended without being told to. */
  get wrongs(): readonly string[] {
    return this.#wrongs;
  }

  /** The lives that have ended. */
  get lives(): readonly Life[] {
    return this.#lives;
  }

  /** Where deliveries go now; undefined while nobody would take them. */
  get url(): string | undefined {
    return this.#isReady && !this.#running.process.isGone ? this.#running.url() : undefined;
  }

  start(): void {
    this.#count += 1;
    this.#stops = [];
    this.#isReady = false;
    const started = this.#start(this.#count);
    this.#started = started;
    started.ready().then(
      () => {
        if (this.#started === started) this.#isReady = true;
      },
      () => undefined, // Its end is told of elsewhere, and it was asked for in most cases.
    );
  }

  /** Kills it and starts the next one at once. A process that ended by itself is told of. */
  async kill(): Promise<void> {
    await this.#busy;
    await this.#end("SIGKILL");
    this.start();
  }

  /** Stops it for a time and lets it go on. Resolves once it is stopped. */
  async stop(ms: number): Promise<void> {
    await this.#busy;
    const { process } = this.#running;
    const from = machineMs();
    process.kill("SIGSTOP");
    this.#busy = sleep(ms).then(() => {
      this.#stops.push({ from, to: machineMs() });
      process.kill("SIGCONT");
    });
  }

  /** Resolves when nothing is being done to it and it works. */
  async ready(): Promise<void> {
    await this.#busy;
    await this.#running.ready();
  }

  /** Asks it to end, and makes it when it does not. */
  async end(): Promise<void> {
    await this.#busy;
    const late = setTimeout(() => this.#running.process.kill("SIGKILL"), END_MS_MAX);
    const code = await this.#end("SIGTERM");
    clearTimeout(late);
    if (code !== this.#running.endCode)
      this.#wrongs.push(`${this.name} ended with ${code} after SIGTERM; it said:\n${this.tail()}`);
  }

  /** Makes sure that nothing of it is left running. */
  async abandon(): Promise<void> {
    await this.#started?.process.kill("SIGKILL");
  }

  tail(): string {
    return this.#running.process.tail();
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const { process, records } = this.#running;
    if (process.isGone) this.#wrongs.push(`${this.name} ended by itself; it said:\n${process.tail()}`);
    this.#isReady = false;
    const code = await process.kill(signal);
    const endedAt = machineMs();
    for (const { name, path } of records) {
      this.#lives.push({ name, entries: readRecord(path), endedAt, stops: this.#stops });
    }
    return code;
  }

  get #running(): Started {
    if (this.#started === undefined) throw new Error(`${this.name} was not started`);
    return this.#started;
  }
}
