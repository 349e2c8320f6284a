/** What a process of memhook does: `serve` does both, on any engine; apart, they need one that processes share. */
export const ROLES = ["serve", "receiver", "worker"] as const;
export type Role = (typeof ROLES)[number];

/** True when deliveries come to this process. */
export function receives(role: Role | undefined): boolean {
  return role === "serve" || role === "receiver";
}

/** True when this process works on the queue, keeps channels and does what is scheduled. */
export function works(role: Role | undefined): boolean {
  return role === "serve" || role === "worker";
}
