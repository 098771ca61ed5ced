// Light or dark: as the system says, unless one chose.
export type Theme = "auto" | "light" | "dark";
const dark = matchMedia("(prefers-color-scheme: dark)");

export function stored(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}
export function store(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing: the choice lasts until the page is closed.
  }
}

let theme: Theme = (stored("theme") as Theme | null) ?? "auto";
export const current = (): Theme => theme;

export function apply(): void {
  const shown = theme === "auto" ? (dark.matches ? "dark" : "light") : theme;
  document.documentElement.dataset["theme"] = shown;
  dispatchEvent(new Event("themechange"));
}
export function choose(next: Theme): void {
  theme = next;
  store("theme", next);
  apply();
}
dark.addEventListener("change", apply);
