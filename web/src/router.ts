// Where one is: `#/alerts/ID?view=table`. The address holds everything that a link should keep.
import { useSyncExternalStore } from "react";

export interface Place {
  parts: string[];
  query: URLSearchParams;
}

function subscribe(changed: () => void): () => void {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function parse(hash: string): Place {
  const text = hash.replace(/^#\/?/, "");
  const at = text.indexOf("?");
  const path = at < 0 ? text : text.slice(0, at);
  return {
    parts: path.split("/").filter(Boolean).map(decoded),
    query: new URLSearchParams(at < 0 ? "" : text.slice(at + 1)),
  };
}

export function usePlace(): Place {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return parse(hash);
}

export function to(parts: readonly string[], query: Record<string, string | null | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  const text = search.toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export function go(hash: string): void {
  location.hash = hash;
}

/** Changes the query in place: a filter is no step to go back from. */
export function setQuery(changes: Record<string, string | null>): void {
  const place = parse(location.hash);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") place.query.delete(name);
    else place.query.set(name, value);
  }
  const text = place.query.toString();
  const hash = `#/${place.parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
  history.replaceState(null, "", hash);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
