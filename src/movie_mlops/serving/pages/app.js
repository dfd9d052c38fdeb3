// The page: wires the parts together and carries the visitor's word from any button to the server and back.

import * as api from "./api.js";
import { films, paint, poster } from "./cards.js";
import { byId, el, failure } from "./dom.js";
import { listFailed, listState, loadList, openList, paintYours, repaintList } from "./list.js";
import { openPanels, showFilm, showPassport } from "./panels.js";
import * as state from "./state.js";
import { speak, spoken, starsText, t, translatePage } from "./strings.js";
import { loadWall, openWall, repaintWall, wallFailed } from "./wall.js";

const GOAL = 5;
const TOAST_MS = 4500;
const ASK_AGAIN_MS = 2000;
let toastEnds;
let away = false; // the server does not answer
let asking = false; // and is asked whether it is back
let historyKnown = false;

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
  else if (away) words.push(t("unreachable"));
  if (waiting && (state.troubled || words.length)) words.push(waiting === 1 ? t("waitingOne") : t("waiting", { n: waiting }));
  byId("banner").hidden = !words.length;
  if (byId("banner").firstChild?.textContent === words.join(" ")) return; // said already
  byId("banner").replaceChildren(words.join(" "));
  if (words.length && navigator.onLine) byId("banner").append(el("button", { type: "button", class: "text-button", onclick: recover }, t("retry")));
}

/** The server is away: say so, and ask until it is back. */
async function lose() {
  if (!away && byId("panel").open) announce(t("unreachableShort")); // the banner is silent there
  away = true;
  paintBanner();
  if (asking) return;
  asking = true;
  while (away) {
    await new Promise((wait) => { setTimeout(wait, ASK_AGAIN_MS); });
    if (away && navigator.onLine && (await api.answers())) await recover();
  }
  asking = false;
}

/** The server may be back: send what waits, ask again for what failed, and be quiet when all is well. */
async function recover() {
  const wasAway = away;
  away = false;
  await Promise.all([
    historyKnown ? hear(state.flush()) : learn(),
    wallFailed() && loadWall(),
    listFailed() && loadList(),
  ]);
  paintBanner();
  if (wasAway && !away) toast(t("recovered"));
}

/** A word at the foot of the page, above an open drawer. */
function toast(text, action, onAction) {
  const box = byId("toast");
  clearTimeout(toastEnds);
  box.replaceChildren(text, action ? el("button", { type: "button", class: "text-button", onclick: onAction }, action) : "");
  announce(text);
  box.hidePopover();
  box.showPopover();
  toastEnds = setTimeout(() => box.hidePopover(), TOAST_MS);
}

/** Tell screen readers. While a drawer is open everything outside of it is silent, so it has a voice of its own. */
function announce(text) {
  const voice = byId(byId("panel").open ? "panel-live" : "live");
  voice.textContent = "";
  setTimeout(() => { voice.textContent = text; }, 50); // the same words a second time are news, too
}

async function say(film, kind, value) {
  const heard = state.say(film, kind, value);
  paintEverything();
  const name = { like: "toastLike", dislike: "toastDislike", rating: "toastRating" }[kind];
  const words = t(name, { title: film.title, n: value === undefined ? "" : starsText(value) });
  // Everything outside an open drawer is inert, so a button there would be a lie.
  if (state.liked().length === GOAL && !byId("panel").open && getComputedStyle(byId("for-you")).display === "none") {
    toast(`${words} ${t("toastReady")}`, t("see"), () => { view("for-you"); byId("for-you-title").focus(); });
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
  pick: (film, button) => (state.opinions.has(film.movie_id) ? showFilm(film, button) : say(film, "like")),
  open: showFilm,
  like: (film) => say(film, "like"),
  dislike: (film) => say(film, "dislike"),
};

function listen() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act], .tabs [data-view], [data-language]");
    if (!button) return;
    const { act, movie, recommendation, view: name, language } = button.dataset;
    if (act === "passport") showPassport(recommendation, button);
    else if (act) ACTS[act](films.get(Number(movie)), button);
    else if (name) view(name);
    else if (language && language !== spoken()) { state.keep("language", language); speak(language); repaint(); }
  });
  byId("start-over").addEventListener("click", () => { byId("ask").returnValue = ""; byId("ask").showModal(); });
  byId("ask").addEventListener("close", () => { if (byId("ask").returnValue === "yes") startOver(); });
  byId("skip").addEventListener("click", () => { view("for-you"); byId("for-you-title").focus(); });
  document.addEventListener("unreachable", lose);
  addEventListener("online", recover);
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
  await learn();
  await Promise.all([wall, openList()]);
  repaintList();
}

/** What an earlier visit could not send, then what the server knows of this visitor. */
async function learn() {
  let refusal;
  try {
    await state.flush().catch((problem) => {
      if (problem.passing) throw problem;
      refusal = problem;
    });
    await state.loadHistory();
    historyKnown = true;
    state.setTroubled(false);
  } catch (problem) {
    state.setTroubled(Boolean(problem.passing));
  }
  paintEverything();
  if (refusal) toast(refusal.message);
}

start();
