import type { QueueView } from "../queue/queue-view.ts";
import { eventView } from "./event-view.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import type { CommandIo } from "./parts.ts";

/** `events show`: what an event named and what became of it. One event is an object, a delivery of several an array. */
export async function showEvents(io: CommandIo, view: Pick<QueueView, "events">, eventId: string): Promise<ExitCode> {
  const events = (await view.events(eventId)).map(eventView);
  const [first] = events;
  if (first === undefined) {
    io.terminal.error("UNKNOWN_EVENT", `no event ${eventId}: never acknowledged, or older than the history`);
    return EXIT.failed;
  }
  if (io.terminal.isJson) {
    io.terminal.json(events.length === 1 ? first : events);
    return EXIT.done;
  }
  io.terminal.table(
    ["event", "record", "operation", "state", "account", "received at", "settled at"],
    events.map((event) => [
      event.event_id,
      event.module === null ? "–" : `${event.module}/${event.record_id}`,
      event.operation ?? "–",
      event.state,
      event.account_id ?? "–",
      event.received_at,
      event.settled_at ?? "–",
    ]),
  );
  return EXIT.done;
}
