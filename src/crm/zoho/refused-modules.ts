import type { Clock } from "../../clock.ts";
import { Fault } from "../../faults.ts";
import type { Log } from "../../log.ts";
import type { CustomModule } from "./read-batch.ts";
import { refusalOf, type ZohoRefusal } from "./zoho-faults.ts";

/** How long a refused module is left out: an administrator's change is noticed after that. */
const LEFT_OUT_MS = 3_600_000;
/** Zoho's codes for "this module is not there, or not for you". */
const MODULE_CODES: ReadonlySet<string> = new Set([
  "INVALID_MODULE",
  "NOT_SUPPORTED",
  "API_NOT_SUPPORTED",
  "INVALID_URL_PATTERN",
  "NO_PERMISSION",
]);

/** What knowing refused modules needs. */
export interface RefusedModulesDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly count: (name: string, n: number) => void;
  readonly customModules: readonly CustomModule[];
}

/**
 * Remembers which modules the organisation does not have or does not show. They are left out of reads, so that one hidden
 * or mistyped module does not stop all the rest. Bounded by the modules that are read at all. Accounts are never left out.
 */
export class RefusedModules {
  readonly #deps: RefusedModulesDeps;
  readonly #until = new Map<string, number>();

  constructor(deps: RefusedModulesDeps) {
    this.#deps = deps;
  }

  has(module: string): boolean {
    return this.#deps.clock.now() < (this.#until.get(module) ?? 0);
  }

  /** What `read` gives; `without` while Zoho refuses the module. Any other fault is thrown on. */
  async orWithout<Result>(module: string, without: Result, read: () => Promise<Result>): Promise<Result> {
    if (this.has(module)) return without;
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof Fault) || module === "Accounts" || !this.#isOfModule(module, error)) throw error;
      this.#leaveOut(module, error);
      return without;
    }
  }

  #isOfModule(module: string, fault: Fault): boolean {
    const refusal = refusalOf(fault);
    if (refusal === undefined) return false;
    return MODULE_CODES.has(refusal.code) || (refusal.code === "INVALID_QUERY" && this.#isNamed(module, refusal));
  }

  /** A custom module's lookup to Accounts that is not there makes the module as useless as if it were not. */
  #isNamed(module: string, { module: named, place }: ZohoRefusal): boolean {
    const field = this.#deps.customModules.find((custom) => custom.module === module)?.accountField;
    return named === module || place === module || (field !== undefined && place === field);
  }

  #leaveOut(module: string, error: Fault): void {
    const isNews = !this.has(module);
    this.#until.set(module, this.#deps.clock.now() + LEFT_OUT_MS);
    if (!isNews) return;
    this.#deps.count(`crm_module_refused:${module}`, 1);
    const isCustom = this.#deps.customModules.some((custom) => custom.module === module);
    const fields = { module, error, ...(isCustom ? { variable: "CUSTOM_MODULES" } : {}) };
    const advice = isCustom ? "; correct CUSTOM_MODULES" : "";
    this.#deps.log.error(fields, `the CRM refuses this module; it is left out for an hour${advice}`);
  }
}
