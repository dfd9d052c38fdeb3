// Speaking: the sentence behind a key in the language of the visitor, numbers, dates, and reasons.

import { given } from "./given.js";

// The server put the words of one language into the page; the others are fetched when somebody asks for them.
const TABLES = {};
let current = given("words").language;
TABLES[current] = given("words");

/** Speak a language from now on; it stays the one before where its words cannot be had. */
export async function speak(language) {
  if (!TABLES[language]) {
    try {
      const answer = await fetch(`/static/words/${encodeURIComponent(language)}.json`);
      if (!answer.ok) return;
      TABLES[language] = await answer.json();
    } catch {
      return;
    }
  }
  current = language;
  document.documentElement.lang = current;
}

export const spoken = () => current;

/** The sentence behind a key, with its {names} filled in. */
export function t(key, values = {}) {
  const sentence = TABLES[current].sentences[key] ?? "";
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

export const genreName = (genre) => TABLES[current].genres[genre] ?? genre;

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(current, { minimumFractionDigits: digits, maximumFractionDigits: Math.max(digits, 1) }).format(value);

export const starsText = (value) => (value === 1 ? t("star") : t("stars", { n: number(value) }));

export const moment = (iso) =>
  new Intl.DateTimeFormat(current, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));

export const day = (iso) =>
  new Intl.DateTimeFormat(current, { dateStyle: "full", timeStyle: "medium" }).format(new Date(iso));

export const percent = (share) => new Intl.NumberFormat(current, { style: "percent" }).format(share);

/**
 * Why a film is in the list, as [words, isTitle] parts: the server's English sentence, or ours built from the same titles.
 */
export function reasonParts(reason) {
  const titles = (reason.because ?? []).map((film) => film.title).filter(Boolean);
  const sentence = current === "ko" && titles.length
    ? t("because", { titles: titles.slice(0, 2).map((title) => `〈${title}〉`).join(", ") })
    : reason.text;
  const parts = [];
  let rest = sentence;
  while (rest) {
    const [place, title] = titles.map((each) => [rest.indexOf(each), each]).filter(([at]) => at >= 0)
      .sort(([one, a], [other, b]) => one - other || b.length - a.length)[0] ?? [rest.length, ""];
    if (place) parts.push([rest.slice(0, place), false]);
    if (title) parts.push([title, true]);
    rest = rest.slice(place + title.length);
  }
  return parts;
}

/** Put the words of the current language into the fixed parts of the page. */
export function translatePage(root = document) {
  document.title = `${t("title")} · movie-mlops`;
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = t(node.dataset.placeholder);
  for (const node of root.querySelectorAll("[data-language]")) node.setAttribute("aria-pressed", node.dataset.language === current);
}
