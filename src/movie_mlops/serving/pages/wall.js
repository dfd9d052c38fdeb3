// The left side: search, genres, and the wall of films to pick from.

import * as api from "./api.js";
import { card, skeletonCards } from "./cards.js";
import { byId, chip, failure, message } from "./dom.js";
import { given } from "./given.js";
import { genreName, number, t } from "./strings.js";

const PAGE = 24;
const TYPING_MS = 220;

let genres = [];
let shown = []; // the films on the wall
let total = 0;
let genre = "";
let asked = new AbortController();
let typing;

const query = () => byId("query").value.trim();

export async function openWall() {
  byId("search").addEventListener("submit", (event) => { event.preventDefault(); loadWall(); });
  byId("query").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(loadWall, TYPING_MS);
  });
  byId("wall-more").addEventListener("click", () => loadWall({ further: true }));
  const first = given("first");
  if (first) {
    ({ genres } = first);
    shown = first.movies.items;
    ({ total } = first.movies);
    repaintWall();
  } else await Promise.all([loadWall(), loadGenres()]);
}

async function loadGenres() {
  try {
    genres = await api.genres();
  } catch {
    return; // the wall shows the failure; its retry asks for the genres again
  }
  paintChips();
}

export const knownGenres = () => genres;

function paintChips() {
  const press = (name) => () => { genre = genre === name ? "" : name; paintChips(); loadWall(); };
  const focused = document.activeElement?.closest("#wall-genres") && document.activeElement.textContent;
  const chips = [chip(t("all"), !genre, press("")), ...genres.map((name) => chip(genreName(name), genre === name, press(name)))];
  byId("wall-genres").replaceChildren(...(genres.length ? chips : []));
  if (focused) chips.find((node) => node.textContent === focused)?.focus();
}

export async function loadWall({ further = false } = {}) {
  clearTimeout(typing);
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  byId("wall").setAttribute("aria-busy", "true");
  byId("wall-state").replaceChildren();
  if (!shown.length) byId("wall").replaceChildren(...skeletonCards(12));
  try {
    const answer = await api.movies({ query: query(), genre, k: PAGE, offset: further ? shown.length : 0 }, signal);
    const fresh = answer.items.map((film) => card(film));
    total = answer.total;
    if (further) {
      shown.push(...answer.items);
      byId("wall").append(...fresh);
      fresh[0]?.querySelector("button").focus({ preventScroll: true }); // go on where the reading stopped
    } else {
      shown = answer.items;
      byId("wall").replaceChildren(...fresh);
    }
    paintHead();
    if (!genres.length) loadGenres();
  } catch (problem) {
    if (signal.aborted) return;
    if (!shown.length) byId("wall").replaceChildren();
    byId("wall-state").replaceChildren(failure(problem, () => loadWall({ further })));
  }
  byId("wall").removeAttribute("aria-busy");
}

function paintHead() {
  byId("wall-title").textContent = query() ? t("wallResults", { query: query() }) : genre ? genreName(genre) : t("wallTitle");
  byId("wall-count").textContent = total === 1 ? t("film") : t("films", { n: number(total) });
  byId("wall-more").hidden = shown.length >= total;
  if (shown.length) return;
  byId("wall-state").replaceChildren(message({
    title: t("wallEmpty"), more: t("wallEmptyMore"), action: t("clearSearch"),
    onAction: () => { byId("query").value = ""; genre = ""; paintChips(); loadWall(); byId("query").focus(); },
  }));
}

/** Whether the wall shows a failure instead of an answer. */
export const wallFailed = () => byId("wall-state").querySelector("[role=alert]") !== null;

/** The same films in the other language. */
export function repaintWall() {
  paintChips();
  byId("wall").replaceChildren(...shown.map((film) => card(film)));
  paintHead();
}
