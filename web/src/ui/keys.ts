// Keys: one listener for the whole desk. A screen names its keys; what is typed into a field or
// said inside a dialog is never taken for one.
import { useLayoutEffect, useRef } from "react";

export type Keys = Record<string, (event: KeyboardEvent) => void>;
const stack: { current: Keys }[] = [];
let before = "";
let cleared: ReturnType<typeof setTimeout> | undefined;

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "range"].includes(target.type);
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const onControl = event.target instanceof HTMLElement && event.target.closest("button, a, summary, input");
  // Enter and space belong to the control that has the focus.
  if (onControl && (event.key === "Enter" || event.key === " ")) return;
  const names = before ? [`${before} ${event.key}`, event.key] : [event.key];
  clearTimeout(cleared);
  before = "";
  for (const name of names) {
    for (let at = stack.length - 1; at >= 0; at -= 1) {
      const act = stack[at]!.current[name];
      if (act) {
        event.preventDefault();
        act(event);
        return;
      }
    }
  }
  if (event.key === "g") {
    before = "g";
    cleared = setTimeout(() => { before = ""; }, 1_200);
  }
}

// Keys are heard as soon as what they are for is drawn.
export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useLayoutEffect(() => {
    if (stack.length === 0) addEventListener("keydown", pressed);
    stack.push(latest);
    return () => {
      stack.splice(stack.indexOf(latest), 1);
      if (stack.length === 0) removeEventListener("keydown", pressed);
    };
  }, []);
}
