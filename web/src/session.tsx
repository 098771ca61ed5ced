// Who is signed in, and what they may do.
import { createContext, useContext } from "react";
import type { Role, Session } from "./api/types";

export const SessionContext = createContext<Session | null>(null);
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("a screen is shown without a session");
  return session;
}

// The service decides; this only spares people buttons that would be refused.
const works: Role[] = ["administrator", "analyst", "reviewer"];
const may = {
  work: works,
  unmask: ["administrator", "reviewer"],
  approve: ["administrator", "reviewer"],
  holds: ["administrator", "reviewer"],
  audit: ["administrator", "auditor"],
  users: ["administrator"],
  demo: ["administrator"],
  metrics: ["administrator", "auditor"],
  writeRules: ["administrator", "rule-author"],
  approveRules: ["administrator", "reviewer"],
} satisfies Record<string, Role[]>;
export function can(session: Session, what: keyof typeof may): boolean {
  return (may[what] as Role[]).includes(session.user.role);
}
