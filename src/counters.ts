/**
 * Named totals of the whole system that survive restarts. A name is a metric's name, with its label after a colon:
 * `events_accepted`, `events_accepted:Contacts.update`.
 */
export interface Counters {
  /** Adds deltas, whole and non-negative. Durable within about a second; never blocks the caller. */
  add(deltas: Readonly<Record<string, number>>): void;
  /** All totals, additions not yet written included. */
  read(): Promise<Readonly<Record<string, number>>>;
}
