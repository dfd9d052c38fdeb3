// The panel at the side: a film with more like it, and the passport behind a list.

import * as api from "./api.js";
import { card, credit, films, genreLine, inCommon, opinionButton, paint, poster, skeletonCards, stars } from "./cards.js";
import { byId, el, failure, icon, message } from "./dom.js";
import { passportBody } from "./passport.js";
import { opinions } from "./state.js";
import { number, t } from "./strings.js";

const path = []; // the films walked through, so that Back works
const FILM = /^\/films\/(\d+)$/;
let asked = new AbortController();
let rate = () => {};
let comeBack = () => {};

/** `onRate(film, value)` is called when the visitor gives stars. */
export function openPanels({ onRate }) {
  rate = onRate;
  const panel = byId("panel");
  // The dialog fills its own box, so a click on the dialog itself is a click on the backdrop.
  panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
  panel.addEventListener("close", () => { path.length = 0; asked.abort(); leave(); comeBack(); });
  addEventListener("popstate", () => {
    const film = films.get(Number(location.pathname.match(FILM)?.[1]));
    if (film) showFilm(film);
    else if (panel.open) panel.close();
  });
}

/** A film has an address of its own, to be shared and to be gone back from. */
function visit(film) {
  const address = `/films/${film.movie_id}`;
  if (location.pathname !== address) {
    if (byId("panel").open) history.replaceState(history.state, "", address);
    else history.pushState({ opened: true }, "", address);
  }
  document.title = `${film.title} · movie-mlops`;
}

function leave() {
  document.title = `${t("title")} · movie-mlops`;
  if (!FILM.test(location.pathname)) return;
  if (history.state?.opened) history.back();
  else history.replaceState(null, "", "/");
}

function show(opener, ...content) {
  const panel = byId("panel");
  byId("panel-body").replaceChildren(...content);
  if (!panel.open) {
    comeBack = wayBack(opener);
    panel.showModal();
  }
  panel.scrollTop = 0;
  byId("panel-title")?.focus({ preventScroll: true });
}

/** How to give the focus back to the button that opened the panel, also where its list has been drawn anew since. */
function wayBack(opener) {
  if (!opener) return () => {};
  const { act, movie } = opener.dataset;
  const place = opener.closest("[id]:not(button)")?.id;
  const places = place ? [...byId(place).querySelectorAll(`[data-act="${act}"]`)] : [];
  const rank = places.indexOf(opener);
  return () => {
    const now = place ? [...byId(place).querySelectorAll(`[data-act="${act}"]`)] : [];
    const same = now.find((button) => button.dataset.movie === movie);
    (opener.isConnected ? opener : same ?? now[Math.min(rank, now.length - 1)])?.focus({ preventScroll: true });
  };
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

export function showFilm(film, opener) {
  visit(film);
  path.push(film.movie_id);
  const facts = [
    film.likes ? t("likedBy", { n: number(film.likes) }) : "",
    film.rating_mean ? t("average", { n: number(film.rating_mean, 1) }) : "",
  ].filter(Boolean).join(" · ");
  const more = el("ul", { class: "wall small", "aria-labelledby": "panel-more" });
  const state = el("div");
  show(opener, bar(),
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
    list.replaceChildren(...items.map((other) => card(other, { why: inCommon(film, other) })));
    if (!items.length) state.replaceChildren(message({ title: t("noSimilar") }));
  } catch (problem) {
    if (signal.aborted) return;
    list.replaceChildren();
    state.replaceChildren(failure(problem, () => loadSimilar(film, list, state)));
  }
}

export async function showPassport(recommendationId, opener) {
  path.length = 0;
  const body = el("div", { "aria-busy": "true" }, el("p", { class: "muted" }, t("loading")));
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  show(opener, bar(),
    el("h2", { id: "panel-title", tabindex: "-1" }, t("passport")),
    body,
    el("p", {}, el("a", { href: `/passport?id=${encodeURIComponent(recommendationId)}` }, t("recordLink"))),
    el("p", {}, el("a", { href: api.passportPath(recommendationId), target: "_blank", rel: "noopener" }, t("passportRaw"))));
  try {
    body.replaceChildren(...passportBody(await api.passport(recommendationId, signal), opinions.size));
  } catch (problem) {
    if (signal.aborted) return;
    body.replaceChildren(failure(problem, () => showPassport(recommendationId)));
  }
  body.removeAttribute("aria-busy");
}
