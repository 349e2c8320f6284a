import type { Figures } from "./figures.ts";
import { percent } from "./percent.ts";

/**
 * The body of `GET /webhooks/metrics`: the whole system's totals since the store was made.
 * The first block's names are the brief's; `total` = verified + rejected, `rejected` counts refused deliveries.
 */
export function metricsReport(figures: Figures, now: number) {
  const { counters, processor, queue } = figures;
  const count = (name: string) => counters[name] ?? 0;
  const verified = count("events_total");
  const rejected = count("events_rejected");
  return {
    total_events: verified + rejected,
    verified_events: verified,
    rejected_events: rejected,
    duplicated_events: count("events_duplicate"),
    queued_events: count("events_accepted"),
    failed_events: count("events_dead"),
    acceptance_rate: percent(verified, verified + rejected, 100),
    deduplication_rate: percent(count("events_duplicate"), verified),
    current_queue_size: figures.queueSize,

    filtered_events: count("events_filtered"),
    critical_events: count("events_critical"),
    events_without_account: count("events_without_account"),
    settled_events: count("events_settled"),
    superseded_events: count("events_superseded"),
    coalesced_events: count("jobs_coalesced"),
    deliveries: count("deliveries"),
    refused_deliveries: labelled(counters, "deliveries_refused"),
    authenticated: labelled(counters, "auth"),
    authenticated_by_secret: labelled(counters, "auth_secret"),
    events_by_module: byModule(labelled(counters, "events_accepted")),
    missed_webhooks: count("missed_webhooks"),

    processor: {
      workers: processor?.workers ?? null,
      workers_running: processor?.workersRunning ?? null,
      success_rate: figures.successRate,
      attempts: labelled(counters, "attempts"),
      syncs_written: count("syncs_written"),
      syncs_unchanged: count("syncs_unchanged"),
      syncs_removed: count("syncs_removed"),
      faults: labelled(counters, "faults"),
      circuits: processor?.circuits ?? {},
    },
    queue: {
      capacity: queue.capacity,
      events: queue.events,
      lanes: queue.lanes,
      dead_letters: figures.deadLetters,
      dead_letters_healed: count("dead_letters_healed"),
      lag_ms: figures.lagMs,
      oldest_due_ms: figures.oldestDueMs,
    },
    sink: {
      documents: count("sink_documents"),
      bytes: count("sink_bytes"),
      index_runs: count("index_runs"),
      index_runs_failed: count("index_runs_failed"),
      index_documents: count("index_documents"),
      index_seconds: count("index_ms") / 1_000,
    },
    crm_calls: count("crm_calls"),
    accounts: figures.ledger,
    timestamp: new Date(now).toISOString(),
  };
}

/** The counters `<name>:<label>` as `{ label: total }`. */
export function labelled(counters: Readonly<Record<string, number>>, name: string): Readonly<Record<string, number>> {
  const prefix = `${name}:`;
  const found = Object.entries(counters).filter(([counter]) => counter.startsWith(prefix));
  return Object.fromEntries(found.map(([counter, total]) => [counter.slice(prefix.length), total]));
}

/** `{ "Contacts.update": 3 }` as `{ Contacts: { update: 3 } }`. */
function byModule(
  totals: Readonly<Record<string, number>>,
): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const modules: Record<string, Record<string, number>> = {};
  for (const [label, total] of Object.entries(totals)) {
    const at = label.lastIndexOf(".");
    const module = label.slice(0, at);
    modules[module] = { ...modules[module], [label.slice(at + 1)]: total };
  }
  return modules;
}
