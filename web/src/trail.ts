// The list that one came from, so that an alert knows the next.
let ids: string[] = [];
let from = "#/queue";
export function remember(list: string[], hash: string): void {
  ids = list;
  if (hash.startsWith("#/queue") || hash === "") from = hash || "#/queue";
}
export const listHash = (): string => from;
export function beside(id: string): { previous: string | null; next: string | null; at: number; of: number } {
  const at = ids.indexOf(id);
  return { previous: at > 0 ? ids[at - 1]! : null, next: at >= 0 ? (ids[at + 1] ?? null) : null, at, of: ids.length };
}
