// The page: wires the parts together and carries the visitor's word from any button to the server and back.

import { films, paint, poster } from "./cards.js";
import { byId, el, failure } from "./dom.js";
import { listState, loadList, openList, paintYours, repaintList } from "./list.js";
import { openPanels, showFilm, showPassport } from "./panels.js";
import * as state from "./state.js";
import { speak, spoken, starsText, t, translatePage } from "./strings.js";
import { loadWall, openWall, repaintWall } from "./wall.js";

const GOAL = 5;
const TOAST_MS = 4500;
let toastEnds;

function paintEverything() {
  for (const part of [document.querySelector(".house"), byId("panel")]) paint(part);
  paintYours();
  paintHero();
  paintBanner();
}

/** The invitation, and five places that fill with what the visitor likes. */
function paintHero() {
  const liked = state.liked();
  const left = GOAL - liked.length;
  byId("lead").textContent = left <= 0 ? t("leadDone") : t("lead");
  byId("lead-more").textContent =
    left <= 0 ? t("leadDoneMore") : left < GOAL ? t("leadSome", { n: left }) : t("leadMore");
  const newest = liked.slice(-GOAL);
  byId("slots").replaceChildren(...Array.from({ length: GOAL }, (_, place) => {
    const film = newest[place]?.film;
    if (!film) return el("li", { class: "slot", "aria-label": t("slotEmpty", { n: place + 1 }) });
    films.set(film.movie_id, film);
    return el("li", { class: "slot full" }, el("button", {
      type: "button", "data-act": "open", "data-movie": film.movie_id, "aria-label": t("changeFilm", { title: film.title }),
    }, poster(film)));
  }));
}

function paintBanner() {
  const waiting = state.unsent();
  const words = [];
  if (!navigator.onLine) words.push(t("offline"));
  if (waiting && (state.troubled || !navigator.onLine)) words.push(waiting === 1 ? t("waitingOne") : t("waiting", { n: waiting }));
  byId("banner").hidden = !words.length;
  byId("banner").replaceChildren(words.join(" "));
  if (words.length && navigator.onLine) byId("banner").append(el("button", { type: "button", class: "text-button", onclick: resend }, t("retry")));
}

/** A word at the foot of the page. As a popover it lies above an open drawer; `live` tells it to screen readers. */
function toast(text, action, onAction) {
  const box = byId("toast");
  clearTimeout(toastEnds);
  box.replaceChildren(text, action ? el("button", { type: "button", class: "text-button", onclick: onAction }, action) : "");
  byId("live").textContent = text;
  box.hidePopover();
  box.showPopover();
  toastEnds = setTimeout(() => box.hidePopover(), TOAST_MS);
}

async function say(film, kind, value) {
  const heard = state.say(film, kind, value);
  paintEverything();
  const name = { like: "toastLike", dislike: "toastDislike", rating: "toastRating" }[kind];
  const words = t(name, { title: film.title, n: value === undefined ? "" : starsText(value) });
  // Everything outside an open drawer is inert, so a button there would be a lie.
  if (state.liked().length === GOAL && !byId("panel").open && getComputedStyle(byId("for-you")).display === "none") {
    toast(`${words} ${t("toastReady")}`, t("see"), () => view("for-you"));
  } else toast(words);
  await hear(heard);
}

/** Wait until the server has heard, then show what changed, or say plainly that it has not. */
async function hear(heard) {
  try {
    await heard;
    state.setTroubled(false);
    paintBanner();
    await loadList();
    byId("tab-news").hidden = document.body.dataset.view !== "pick" || !listState().personal;
  } catch (problem) {
    state.setTroubled(Boolean(problem.passing));
    if (!problem.passing) byId("list-state").replaceChildren(failure(problem, loadList));
    paintEverything();
  }
}

const resend = () => hear(state.flush());

function view(name) {
  document.body.dataset.view = name;
  for (const tab of document.querySelectorAll(".tabs [data-view]")) {
    tab.setAttribute("aria-current", String(tab.dataset.view === name));
  }
  byId("tab-news").hidden = true;
  byId("toast").hidePopover();
  scrollTo(0, 0);
}

const ACTS = {
  pick: (film) => (state.opinions.has(film.movie_id) ? showFilm(film) : say(film, "like")),
  open: showFilm,
  like: (film) => say(film, "like"),
  dislike: (film) => say(film, "dislike"),
};

function listen() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act], .tabs [data-view], [data-language]");
    if (!button) return;
    const { act, movie, recommendation, view: name, language } = button.dataset;
    if (act === "passport") showPassport(recommendation);
    else if (act) ACTS[act](films.get(Number(movie)));
    else if (name) view(name);
    else if (language && language !== spoken()) { state.keep("language", language); speak(language); repaint(); }
  });
  byId("start-over").addEventListener("click", () => { byId("ask").returnValue = ""; byId("ask").showModal(); });
  byId("ask").addEventListener("close", () => { if (byId("ask").returnValue === "yes") startOver(); });
  addEventListener("online", () => { paintBanner(); resend(); loadWall(); });
  addEventListener("offline", paintBanner);
}

function startOver() {
  state.newVisitor();
  view("pick");
  paintEverything();
  loadList();
}

function repaint() {
  translatePage();
  repaintWall();
  repaintList();
  paintEverything();
}

async function start() {
  const wish = state.recall("language") ?? (navigator.languages ?? [navigator.language]).find((tag) => /^(en|ko)\b/.test(tag)) ?? "en";
  speak(wish.slice(0, 2));
  translatePage();
  byId("lead").textContent = t("lead");
  view("pick");
  openPanels({ onRate: (film, value) => say(film, "rating", value) });
  listen();
  paintHero();
  const wall = openWall();
  try {
    await state.flush();
    await state.loadHistory();
  } catch (problem) {
    state.setTroubled(Boolean(problem.passing));
  }
  paintEverything();
  await Promise.all([wall, openList()]);
  repaintList();
}

start();
