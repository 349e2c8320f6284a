import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { LANES } from "../queue/queue.ts";
import type { Figures } from "./figures.ts";
import { labelled } from "./metrics-report.ts";
import type { StoreSight } from "./status.ts";

/** Seconds; from a quick ack to an outage of an hour. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600];

/** Distributions observed in this process; what they measure is said in their help text. */
const DISTRIBUTIONS = {
  freshness: "Seconds from the CRM's Modified_Time to searchable.",
  sync_lag: "Seconds from the arrival of an event to the end of its sync.",
  attempt_duration: "Seconds that one attempt at a batch took.",
} as const;

export type DistributionName = keyof typeof DISTRIBUTIONS;

/** Totals that survive restarts: metric name → counter name (and the label its suffix means). */
const TOTALS: readonly {
  readonly metric: string;
  readonly counter: string;
  readonly label?: string;
  /** How many of the counter make one of the metric; default 1. */
  readonly per?: number;
  readonly help: string;
}[] = [
  { metric: "events_total", counter: "events_total", help: "Events of authenticated deliveries." },
  { metric: "events_duplicate_total", counter: "events_duplicate", help: "Events taken for duplicates." },
  { metric: "events_filtered_total", counter: "events_filtered", help: "Events that the event filter ignored." },
  { metric: "events_critical_total", counter: "events_critical", help: "Events that touched a critical field." },
  {
    metric: "events_without_account_total",
    counter: "events_without_account",
    help: "Events of records that belong to no account.",
  },
  {
    metric: "leases_stale_total",
    counter: "leases_stale",
    label: "lane",
    help: "Settles refused because the lease was no longer held.",
  },
  { metric: "events_settled_total", counter: "events_settled", help: "Events synced or superseded." },
  { metric: "events_dead_total", counter: "events_dead", help: "Events that ended in a dead letter." },
  { metric: "events_coalesced_total", counter: "jobs_coalesced", help: "Events that joined a waiting job." },
  { metric: "missed_webhooks_total", counter: "missed_webhooks", help: "Repairs that no webhook had announced." },
  { metric: "deliveries_total", counter: "deliveries", help: "Deliveries received." },
  {
    metric: "deliveries_refused_total",
    counter: "deliveries_refused",
    label: "code",
    help: "Deliveries refused, by code.",
  },
  { metric: "authenticated_total", counter: "auth", label: "kind", help: "Authenticated deliveries, by sender kind." },
  { metric: "authenticated_secret_total", counter: "auth_secret", label: "secret", help: "Which secret matched." },
  { metric: "attempts_total", counter: "attempts", label: "lane", help: "Attempts, by lane." },
  { metric: "jobs_completed_total", counter: "jobs_completed", label: "lane", help: "Jobs completed, by lane." },
  {
    metric: "jobs_retried_total",
    counter: "jobs_retried",
    label: "lane",
    help: "Jobs put off after a fault, by lane.",
  },
  { metric: "jobs_released_total", counter: "jobs_released", label: "lane", help: "Jobs given back untried, by lane." },
  { metric: "jobs_dead_total", counter: "jobs_dead", label: "lane", help: "Jobs dead-lettered, by lane." },
  { metric: "leases_lost_total", counter: "leases_lost", label: "lane", help: "Leases whose worker ended, by lane." },
  {
    metric: "dead_letters_healed_total",
    counter: "dead_letters_healed",
    help: "Dead letters closed by a later success.",
  },
  { metric: "syncs_written_total", counter: "syncs_written", help: "Documents written to the sink." },
  { metric: "syncs_unchanged_total", counter: "syncs_unchanged", help: "Syncs whose document had not changed." },
  { metric: "syncs_removed_total", counter: "syncs_removed", help: "Accounts forgotten." },
  { metric: "faults_total", counter: "faults", label: "code", help: "Faults, by code; UNEXPECTED is a bug." },
  { metric: "circuit_opened_total", counter: "circuit_opened", label: "circuit", help: "Times a circuit opened." },
  {
    metric: "crm_module_refused_total",
    counter: "crm_module_refused",
    label: "module",
    help: "Times a module was left out because the CRM refuses it.",
  },
  {
    metric: "spill_events_total",
    counter: "spill_events",
    help: "Events written to a spill file: Redis was away, or full soon after.",
  },
  { metric: "spill_replayed_total", counter: "spill_replayed", help: "Events of spill files that were replayed." },
  {
    metric: "spill_refused_total",
    counter: "spill_refused",
    help: "Events refused because the spill file was full, or could not be written.",
  },
  { metric: "sink_documents_total", counter: "sink_documents", help: "Documents sent to Cognee." },
  { metric: "sink_bytes_total", counter: "sink_bytes", help: "Bytes of text sent to Cognee." },
  { metric: "index_runs_total", counter: "index_runs", help: "Index runs (cognify) begun." },
  { metric: "index_runs_failed_total", counter: "index_runs_failed", help: "Index runs of which nothing was kept." },
  { metric: "index_documents_total", counter: "index_documents", help: "Documents made searchable by index runs." },
  { metric: "index_seconds_total", counter: "index_ms", per: 1_000, help: "Seconds that index runs took." },
  { metric: "crm_calls_total", counter: "crm_calls", help: "Calls to the CRM's API." },
];

/** The Prometheus side: `observe` takes measurements as they occur, `render` prints all figures. */
export interface Prometheus {
  observe(name: DistributionName, ms: number): void;
  /** Without figures, as while Redis is away: what this process knows by itself. */
  render(figures: Figures | undefined, sight: StoreSight): Promise<string>;
  readonly contentType: string;
}

/** Makes the registry of one process. Label values come from bounded sets; never an account. */
export function createPrometheus(): Prometheus {
  const distributions = new Registry();
  const histograms = new Map(
    Object.entries(DISTRIBUTIONS).map(([name, help]) => [
      name,
      new Histogram({ name: `memhook_${name}_seconds`, help, buckets: BUCKETS, registers: [distributions] }),
    ]),
  );
  return {
    observe: (name, ms) => histograms.get(name)?.observe(ms / 1000),
    contentType: distributions.contentType,
    render: async (figures, sight) => {
      const registry = new Registry();
      if (figures !== undefined) addFigures(registry, figures);
      addSight(registry, sight);
      return `${await registry.metrics()}${await distributions.metrics()}`;
    },
  };
}

/** What is known of a store that is a server of its own, without asking it. */
function addSight(registry: Registry, { isConnected, spill }: StoreSight): void {
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name: `memhook_${name}`, help, registers: [registry] }).set(value);
  if (isConnected !== undefined) gauge("redis_connected", "1 while Redis answers this process.", isConnected ? 1 : 0);
  if (spill === undefined) return;
  gauge(
    "spill_waiting",
    "Events in this process's spill files that wait for Redis, or for room in its queue.",
    spill.waiting,
  );
  gauge("spill_bytes", "Bytes of those files' rows, damaged ones included.", spill.bytes);
}

function addFigures(registry: Registry, figures: Figures): void {
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name: `memhook_${name}`, help, registers: [registry] }).set(value);

  gauge("queue_size", "Unsettled work of all lanes.", figures.queueSize);
  gauge("queue_capacity", "Unsettled events at which deliveries are refused.", figures.queue.capacity);
  gauge("lag_seconds", "Age of the oldest unsettled event.", figures.lagMs / 1000);
  gauge("oldest_due_seconds", "How long the most overdue job has been due.", figures.oldestDueMs / 1000);
  gauge("unfinished_work_seconds", "Sum over leases of the time they have been held.", figures.unfinishedMs / 1000);
  gauge("longest_running_seconds", "Time the longest-held lease has been held.", figures.longestRunningMs / 1000);
  gauge("dead_letters", "Dead letters now.", figures.deadLetters);
  const { processor } = figures;
  if (processor !== undefined) gauge("workers_running", "Workers that claim.", processor.workersRunning);

  const jobs = new Gauge({
    name: "memhook_jobs",
    help: "Jobs, by lane and state.",
    labelNames: ["lane", "state"],
    registers: [registry],
  });
  for (const lane of LANES) {
    const { ready, delayed, leased, dead } = figures.queue.lanes[lane];
    for (const [state, count] of Object.entries({ ready, delayed, leased, dead })) jobs.set({ lane, state }, count);
  }
  const accounts = new Gauge({
    name: "memhook_accounts",
    help: "Ledger entries, by state.",
    labelNames: ["state"],
    registers: [registry],
  });
  for (const [state, count] of Object.entries(figures.ledger)) accounts.set({ state }, count);

  const circuits = new Gauge({
    name: "memhook_circuit_open",
    help: "1 while the circuit is not closed.",
    labelNames: ["circuit"],
    registers: [registry],
  });
  for (const [circuit, { state }] of Object.entries(processor?.circuits ?? {}))
    circuits.set({ circuit }, state === "closed" ? 0 : 1);

  const expiry = new Gauge({
    name: "memhook_channel_expiry_seconds",
    help: "Life left of a channel.",
    labelNames: ["channel"],
    registers: [registry],
  });
  for (const channel of figures.channels) expiry.set({ channel: channel.channel_id }, channel.expires_in_seconds);

  addTotals(registry, figures.counters);
}

function addTotals(registry: Registry, counters: Readonly<Record<string, number>>): void {
  for (const { metric, counter, label, per = 1, help } of TOTALS) {
    const name = `memhook_${metric}`;
    if (label === undefined) {
      new Counter({ name, help, registers: [registry] }).inc((counters[counter] ?? 0) / per);
      continue;
    }
    const totals = new Counter({ name, help, labelNames: [label], registers: [registry] });
    for (const [value, total] of Object.entries(labelled(counters, counter))) totals.inc({ [label]: value }, total);
  }
  const events = new Counter({
    name: "memhook_events_accepted_total",
    help: "Events queued, by module and operation.",
    labelNames: ["module", "operation"],
    registers: [registry],
  });
  for (const [value, total] of Object.entries(labelled(counters, "events_accepted"))) {
    const at = value.lastIndexOf(".");
    events.inc({ module: value.slice(0, at), operation: value.slice(at + 1) }, total);
  }
}
