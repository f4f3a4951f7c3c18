import { createHash, randomUUID } from "node:crypto";

/**
 * Who a request is from: whoever has the session. This stands in for your login, and is all that the example knows of users.
 *
 * @param cookies the header of the request
 * @returns `null` for somebody without a session
 */
export function userOf(cookies: string | null | undefined): string | null {
  const [, session] = /(?:^|;\s*)session=([\w-]{36})(?:;|$)/.exec(cookies ?? "") ?? [];
  // Names of users stand in rows, URLs and logs, and the session must not: who has it is let in.
  return session === undefined ? null : createHash("sha256").update(session).digest("hex").slice(0, 32);
}

/** The header that begins a session. No other site can send requests with it. */
export function newSession(): string {
  return `session=${randomUUID()}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000`;
}

/** The batch of all that a user uploads. */
export function inboxOf(user: string): string {
  return `inbox-${user}`;
}
