// The panel at the side: a film with more like it, and the passport behind a list.

import * as api from "./api.js";
import { card, credit, films, genreLine, opinionButton, paint, poster, skeletonCards, stars } from "./cards.js";
import { byId, el, failure, icon, message } from "./dom.js";
import { number, t } from "./strings.js";

const path = []; // the films walked through, so that Back works
let asked = new AbortController();
let rate = () => {};

/** `onRate(film, value)` is called when the visitor gives stars. */
export function openPanels({ onRate }) {
  rate = onRate;
  const panel = byId("panel");
  // The dialog fills its own box, so a click on the dialog itself is a click on the backdrop.
  panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
  panel.addEventListener("close", () => { path.length = 0; asked.abort(); });
}

function show(...content) {
  const panel = byId("panel");
  panel.replaceChildren(el("div", { class: "drawer-inner" }, ...content));
  if (!panel.open) panel.showModal();
  panel.scrollTop = 0;
  byId("panel-title")?.focus({ preventScroll: true });
}

function bar() {
  const back = () => { path.pop(); showFilm(films.get(path.pop())); };
  return el("div", { class: "drawer-bar" },
    path.length > 1
      ? el("button", { type: "button", class: "icon-button", "aria-label": t("back"), onclick: back }, icon("back"))
      : el("span"),
    el("button", { type: "button", class: "icon-button", "aria-label": t("close"), onclick: () => byId("panel").close() },
      icon("close")));
}

export function showFilm(film) {
  path.push(film.movie_id);
  const facts = [
    film.likes ? t("likedBy", { n: number(film.likes) }) : "",
    film.rating_mean ? t("average", { n: number(film.rating_mean, 1) }) : "",
  ].filter(Boolean).join(" · ");
  const more = el("ul", { class: "wall small", "aria-labelledby": "panel-more" });
  const state = el("div");
  show(bar(),
    el("div", { class: "film", "data-film": film.movie_id },
      poster(film),
      el("div", { class: "film-text" },
        el("h2", { id: "panel-title", tabindex: "-1" }, film.title),
        el("p", { class: "film-credit" }, credit(film)),
        el("p", { class: "film-genres" }, genreLine(film)),
        facts && el("p", { class: "film-facts" }, facts)),
      el("div", { class: "film-say" },
        opinionButton(film, "like", { words: true }), opinionButton(film, "dislike", { words: true }),
        el("div", { class: "film-stars" }, el("span", { "aria-hidden": "true" }, t("rate")), stars(film, (value) => rate(film, value))))),
    el("h3", { id: "panel-more" }, t("moreLikeThis")), state, more);
  paint(byId("panel"));
  loadSimilar(film, more, state);
}

async function loadSimilar(film, list, state) {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  state.replaceChildren();
  list.replaceChildren(...skeletonCards(6));
  try {
    const { items } = await api.similar(film.movie_id, signal);
    list.replaceChildren(...items.map(card));
    if (!items.length) state.replaceChildren(message({ title: t("noSimilar") }));
  } catch (problem) {
    if (signal.aborted) return;
    list.replaceChildren();
    state.replaceChildren(failure(problem, () => loadSimilar(film, list, state)));
  }
}

export async function showPassport(recommendationId) {
  const body = el("div", { "aria-busy": "true" }, el("p", { class: "muted" }, t("loading")));
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  show(bar(),
    el("h2", { id: "panel-title", tabindex: "-1" }, t("passport")),
    el("p", { class: "muted" }, t("passportMore")),
    body,
    el("p", {}, el("a", { href: api.passportPath(recommendationId), target: "_blank", rel: "noopener" }, t("passportRaw"))));
  try {
    const passport = await api.passport(recommendationId, signal);
    body.replaceChildren(...sections(passport));
  } catch (problem) {
    if (signal.aborted) return;
    body.replaceChildren(failure(problem, () => showPassport(recommendationId)));
  }
  body.removeAttribute("aria-busy");
}

/** Single facts first, then one block for each group of facts, whatever the server keeps in a passport. */
function sections(record) {
  const groups = Object.entries(record).filter(([, value]) => isGroup(value));
  const facts = Object.entries(record).filter(([, value]) => !isGroup(value));
  return [
    el("dl", { class: "facts" }, facts.flatMap(fact)),
    ...groups.map(([name, value]) =>
      el("section", {}, el("h3", {}, spaced(name)), el("dl", { class: "facts" }, flat(value).flatMap(fact)))),
  ];
}

const isGroup = (value) => typeof value === "object" && value !== null && Object.keys(value).length > 0;

/** Nested facts as one list of [name, value], with the names joined. */
function flat(group, prefix = "") {
  return Object.entries(group).flatMap(([name, value]) => {
    const place = Array.isArray(group) ? `${prefix}${Number(name) + 1}` : `${prefix}${name}`;
    return isGroup(value) ? flat(value, `${place} · `) : [[place, value]];
  });
}

const spaced = (name) => (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll("_", " ");

function fact([name, value]) {
  const text = value === null || value === "" || typeof value === "object" ? "–" : String(value);
  const code = /^[0-9a-f-]{12,}$|^sha256/.test(text); // hashes and ids are read letter by letter
  return [el("dt", {}, spaced(name)), el("dd", { class: code ? "code" : undefined }, text)];
}
