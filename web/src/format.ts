// How values are written: aligned numbers, the analyst's own zone, UTC beside it.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
export const zoneName = zone;

const dateTime = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const dateTimeSeconds = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayOnly = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const dayShort = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const clockOnly = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export const at = (time: string): string => (Number.isNaN(Date.parse(time)) ? time : dateTime.format(new Date(time)));
export const atSeconds = (time: string): string => (Number.isNaN(Date.parse(time)) ? time : dateTimeSeconds.format(new Date(time)));
export const day = (time: number | string): string => dayOnly.format(new Date(time));
export const shortDay = (time: number | string): string => dayShort.format(new Date(time));
/** The midnight with which a day of a date field begins, where the analyst is; and the day of an instant. */
export const midnight = (day: string): string | null => {
  const time = new Date(`${day}T00:00:00`);
  return Number.isNaN(time.getTime()) ? null : time.toISOString().replace(".000Z", "Z");
};
export const dayOf = (time: string | null | undefined): string => {
  const date = new Date(time ?? "");
  if (Number.isNaN(date.getTime())) return "";
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
};
export const clock = (time: number | string): string => clockOnly.format(new Date(time));
export const utc = (time: string): string => `${time.replace("T", " ").replace(/(\.\d+)?Z$/, "")} UTC`;

export function ago(time: string, now = Date.now()): string {
  const seconds = Math.round((now - Date.parse(time)) / 1000);
  const [n, unit] = span(Math.abs(seconds));
  if (Math.abs(seconds) < 45) return "now";
  return seconds > 0 ? `${n} ${unit}` : `in ${n} ${unit}`;
}

function span(seconds: number): [number, string] {
  if (seconds < 90) return [Math.round(seconds), "s"];
  if (seconds < 5_400) return [Math.round(seconds / 60), "min"];
  if (seconds < 129_600) return [Math.round(seconds / 3_600), "h"];
  if (seconds < 63_072_000) return [Math.round(seconds / 86_400), "d"];
  return [Math.round(seconds / 3_153_600) / 10, "y"];
}

/** `2 d 3 h`. */
export function lasting(milliseconds: number): string {
  const minutes = Math.max(0, Math.round(milliseconds / 60_000));
  if (milliseconds < 60_000) return `${Math.round(milliseconds / 1000)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${Math.floor(hours / 24)} d`;
}

const decimals = (currency: string): number => {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
};
const formats = new Map<string, Intl.NumberFormat>();
export function amount(value: number, currency: string): string {
  let format = formats.get(currency);
  if (!format) {
    const digits = decimals(currency);
    // No decimal of a finer amount is hidden.
    format = new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: Math.max(digits, 4) });
    formats.set(currency, format);
  }
  return format.format(value);
}
export const money = (value: number, currency: string): string => `${amount(value, currency)} ${currency}`;

const whole = new Intl.NumberFormat("en-GB");
export const count = (value: number): string => whole.format(value);
export const many = (value: number, one: string, more: string): string => `${count(value)} ${value === 1 ? one : more}`;
const compactly = new Intl.NumberFormat("en-GB", { notation: "compact", maximumSignificantDigits: 3 });
export const compact = (value: number): string => compactly.format(value);
export const score = (value: number): string => value.toFixed(value > 0.9995 && value < 1 ? 4 : 3);
export const percent = (value: number): string => `${(value * 100).toFixed(value !== 0 && Math.abs(value) < 0.1 ? 1 : 0)} %`;

// Characters that turn the direction of what follows, or are not seen at all, are shown as such:
// a name cannot pose as another.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;
export const visible = (text: string): string => text.replace(UNSEEN, "\ufffd");

/** Text that others wrote, cut where it would push everything else away. */
export function short(text: string, most = 40): string {
  const shown = visible(text);
  // Most texts are short enough without being counted in characters.
  if (shown.length <= most) return shown;
  const points = [...shown];
  return points.length > most ? `${points.slice(0, most - 1).join("")}…` : shown;
}
