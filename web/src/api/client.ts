// The one place that speaks HTTP: the session, its CSRF token, and problems of RFC 9457.
import { en } from "../en";
import type { ProblemBody, Session } from "./types";

export class Problem extends Error {
  readonly status: number;
  readonly body: ProblemBody;
  constructor(status: number, body: ProblemBody) {
    super(body.title ?? en.errors.status(status));
    this.status = status;
    this.body = body;
  }
}

/** No answer at all: the network or the service is away. */
export class Unreachable extends Error {}

let csrf = "";
let onExpired: () => void = () => undefined;
let onReach: (reached: boolean) => void = () => undefined;

export function keepSession(session: Session | null): void {
  csrf = session?.csrf ?? "";
}
export function whenExpired(callback: () => void): void {
  onExpired = callback;
}
export function whenReachable(callback: (reached: boolean) => void): void {
  onReach = callback;
}

export type Query = Record<string, string | number | null | undefined>;

export function path(parts: readonly string[], query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return `/v1/${parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

async function request(method: string, address: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (method !== "GET" && csrf) headers["x-csrf-token"] = csrf;
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    onReach(false);
    throw new Unreachable(en.errors.unreachable);
  }
  onReach(true);
  if (response.ok) return response;
  let problem: ProblemBody = {};
  try {
    problem = (await response.json()) as ProblemBody;
  } catch {
    // Not a problem of the service: a proxy's page, say. The status must do.
  }
  if (response.status === 401 && !(method === "POST" && /\/v1\/(session|setup)$/.test(address))) onExpired();
  throw new Problem(response.status, problem);
}

export async function get<T>(address: string, signal?: AbortSignal): Promise<T> {
  return (await (await request("GET", address, undefined, signal)).json()) as T;
}

export async function post<T>(address: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const response = await request("POST", address, body, signal);
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export async function patch<T>(address: string, body: unknown): Promise<T> {
  const text = await (await request("PATCH", address, body)).text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export async function remove(address: string): Promise<void> {
  await request("DELETE", address);
}

/** The body as it comes, line by line; for an export that may be long. */
export async function* lines(address: string, signal: AbortSignal): AsyncGenerator<string> {
  const response = await request("GET", address, undefined, signal);
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  if (rest) yield rest;
}

/** What to say of a failure. */
export function saying(error: unknown): { title: string; detail: string; retry: boolean } {
  if (error instanceof Problem) {
    const { detail, hint } = error.body;
    return {
      title: error.message,
      detail: [detail, hint].filter(Boolean).join(" "),
      retry: error.status >= 500 || error.status === 429 || error.status === 409,
    };
  }
  if (error instanceof Unreachable) return { title: error.message, detail: en.errors.unreachableHint, retry: true };
  return { title: en.errors.unexpected, detail: error instanceof Error ? error.message : "", retry: true };
}
