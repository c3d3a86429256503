// The theme: the system decides until the reader presses the switch. The choice stays in this tab.
const KEY = "hamms.theme";
const root = document.documentElement;

const kept = sessionStorage.getItem(KEY);
if (kept) root.dataset.theme = kept;

export function isDark() {
  const chosen = root.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function switchTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  sessionStorage.setItem(KEY, root.dataset.theme);
  dispatchEvent(new Event("hamms-theme"));
}
