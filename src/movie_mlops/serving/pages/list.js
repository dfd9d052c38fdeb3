// The right side: the ten recommendations with their reasons, filters and origin, and the visitor's own films.

import * as api from "./api.js";
import { row, skeletonRows } from "./cards.js";
import { byId, calm, chip, el, failure, message, painted } from "./dom.js";
import { opinions, visitorId } from "./state.js";
import { genreName, number, t } from "./strings.js";
import { knownGenres } from "./wall.js";

const DECADES = Array.from({ length: 12 }, (_, step) => 1910 + step * 10);
const FIRST_YEAR = 1870;
const LAST_YEAR = 2100;
const wanted = new Set();
let answer = null;
let asked = new AbortController();

export function openList() {
  byId("filter-toggle").addEventListener("click", () => {
    const open = byId("filters").toggleAttribute("hidden") === false;
    byId("filter-toggle").setAttribute("aria-expanded", String(open));
    paintFilters();
  });
  byId("filters").addEventListener("change", loadList);
  byId("filters").addEventListener("reset", () => { wanted.clear(); setTimeout(() => { paintFilters(); loadList(); }); });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  return loadList();
}

function years() {
  const from = Number(byId("year-from").value) || FIRST_YEAR;
  const to = Number(byId("year-to").value) || LAST_YEAR;
  if (from === FIRST_YEAR && to === LAST_YEAR) return "";
  return from <= to ? `${from}-${to}` : `${to - 9}-${from + 9}`; // the decades the wrong way round mean the same
}

const filtered = () => wanted.size + (years() ? 1 : 0);

function paintFilters() {
  const press = (genre) => () => { if (!wanted.delete(genre)) wanted.add(genre); paintFilters(); loadList(); };
  const focused = document.activeElement?.closest("#filter-genres") && document.activeElement.textContent;
  const chips = knownGenres().map((genre) => chip(genreName(genre), wanted.has(genre), press(genre)));
  byId("filter-genres").replaceChildren(...chips);
  if (focused) chips.find((node) => node.textContent === focused)?.focus();
  for (const [id, first, label] of [["year-from", 0, "anyFrom"], ["year-to", 9, "anyTo"]]) {
    const chosen = byId(id).value;
    const options = DECADES.map((decade) => el("option", { value: decade + first }, String(decade + first)));
    byId(id).replaceChildren(el("option", { value: "" }, t(label)), ...options);
    byId(id).value = chosen;
  }
  byId("filter-count").textContent = filtered() || "";
}

/** Ask for the ten again. The list on screen stays until the new one is here, so that nothing jumps. */
export async function loadList() {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  byId("filter-count").textContent = filtered() || "";
  byId("list").setAttribute("aria-busy", "true");
  if (!answer) byId("list").replaceChildren(...skeletonRows(10));
  try {
    const fresh = await api.recommendations(visitorId(), { genres: [...wanted], years: years() }, signal);
    answer = fresh;
    paintList();
    // How soon the first answer was painted, for `movie-mlops bench page`.
    painted().then(() => performance.mark("answered"));
  } catch (problem) {
    if (signal.aborted) return;
    if (!answer) byId("list").replaceChildren();
    byId("list-state").replaceChildren(failure(problem, loadList));
  }
  byId("list").removeAttribute("aria-busy");
}

function paintList() {
  const list = byId("list");
  // The first list does not come sliding: it takes the place of what only held the place.
  const there = [...list.children].filter((node) => node.dataset.film);
  const places = new Map(there.map((node) => [node.dataset.film, node.getBoundingClientRect().top]));
  redraw(list, answer.items.map((item) => row(item, { ranked: true })));
  slide(list, places);
  byId("list-state").replaceChildren(...(answer.items.length ? [] : [nothing()]));
  paintHead();
}

const nothing = () => message({
  title: t("listEmpty"), more: t("listEmptyMore"), action: filtered() ? t("clearFilters") : undefined,
  onAction: () => byId("filters").reset(),
});

function paintHead() {
  const personal = answer.source === "personalised";
  const few = answer.items.length > 0 && answer.items.length < 10;
  byId("for-you-title").textContent = !personal ? t("forYouPopular")
    : few ? t("forYouFew", { n: answer.items.length }) : t("forYouTitle");
  byId("for-you").dataset.source = answer.source;
  const sample = answer.release?.dataset === "sample";
  byId("source").textContent = personal ? personalLine() : t(sample ? "sourceSample" : "sourcePopular");
  // The server's note says what the line above cannot: why there are fewer than ten, for one.
  if (personal && answer.note) byId("source").append(el("span", { class: "note" }, answer.note));
  const { release_id: release, model } = answer.release ?? {};
  byId("behind").replaceChildren(...[
    el("span", {}, t("behindLine", { release: release ?? "–", model: model ?? "–" })),
    el("button", { type: "button", class: "text-button", "data-act": "passport", "data-recommendation": answer.recommendation_id },
      t("behind")),
    sample && el("span", { class: "sample" }, t("sampleLine")),
  ].filter(Boolean));
}

function personalLine() {
  const n = opinions.size;
  if (!n) return ""; // the history is on its way
  return n === 1 ? t("sourcePersonalisedOne") : t("sourcePersonalised", { n: number(n) });
}

/** New rows for old. The focus stays on its button: on the same film, or in the same place where the film has left. */
function redraw(list, rows) {
  const focused = document.activeElement;
  const place = [...list.children].findIndex((node) => node.contains(focused));
  const film = list.children[place]?.dataset.film;
  list.replaceChildren(...rows);
  if (place < 0) return;
  const heir = rows.find((node) => node.dataset.film === film) ?? rows[Math.min(place, rows.length - 1)];
  heir?.querySelector(`[data-act="${focused.dataset.act}"]`)?.focus({ preventScroll: true });
}

/** Rows that stay move to their new place; rows that are new fade in. */
function slide(list, places) {
  if (calm() || !places.size) return;
  for (const node of list.children) {
    const before = places.get(node.dataset.film);
    const moved = before - node.getBoundingClientRect().top;
    const timing = { duration: 320, easing: "cubic-bezier(.2,.7,.2,1)" };
    if (before === undefined) node.animate([{ opacity: 0 }, { opacity: 1 }], timing);
    else if (moved) node.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], timing);
  }
}

/** The visitor's films, newest word first. */
export function paintYours() {
  const said = [...opinions.values()].reverse();
  redraw(byId("yours-list"), said.map(({ film }) => row({ ...film, reason: null })));
  byId("yours-count").textContent = said.length || "";
  byId("yours-state").replaceChildren(...(said.length ? [] : [message({ title: t("yoursEmpty"), more: t("yoursEmptyMore") })]));
}

export function repaintList() {
  paintFilters();
  paintYours();
  if (answer) paintList();
}

/** How many are on screen, and whether they are the visitor's own. */
export const listState = () => ({ count: answer?.items.length ?? 0, personal: answer?.source === "personalised" });

/** Whether the list shows a failure instead of an answer. */
export const listFailed = () => byId("list-state").querySelector("[role=alert]") !== null;

