import { type CrmEvent, decodeEvent } from "../crm/event.ts";
import { Fault } from "../faults.ts";

/**
 * The event of a reason's note; undefined for memhook's own work, and for a note that cannot be read: it then says as
 * little as none, and the work is done anyway, because the job's key names the record.
 */
export function readNote(note: string): CrmEvent | undefined {
  try {
    return decodeEvent(note);
  } catch (error) {
    if (error instanceof Fault || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
