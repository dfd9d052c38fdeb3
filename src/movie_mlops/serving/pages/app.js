// The page: wires the parts together and carries the visitor's word from any button to the server and back.

import * as api from "./api.js";
import { films, paint, poster } from "./cards.js";
import { byId, el, failure, painted } from "./dom.js";
import { listFailed, listState, loadList, openList, paintYours, repaintList } from "./list.js";
import { given } from "./given.js";
import { openPanels, showFilm, showPassport } from "./panels.js";
import { forgetRows, openRows, outdateRows, repaintRows, rowsFailed } from "./shelves.js";
import * as state from "./state.js";
import { speak, spoken, starsText, t, translatePage } from "./strings.js";
import { loadWall, openWall, repaintWall, wallFailed } from "./wall.js";
import { openYourData, paintYourData } from "./yourdata.js";

const GOAL = 5;
const TOAST_MS = 4500;
const TOAST_WITH_BUTTONS_MS = 9000;
const SIDE_BY_SIDE = matchMedia("(min-width: 60rem)");
const LEFT = new Set(["pick", "discover"]);
const ASK_AGAIN_MS = 2000;
const HEAD_START_MS = 120;
let toastEnds;
let away = false; // the server does not answer
let asking = false; // and is asked whether it is back
let historyKnown = false;

function paintEverything() {
  for (const part of [document.querySelector(".house"), byId("panel")]) paint(part);
  paintYours();
  paintYourData();
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
    if (!film) return el("li", { class: "slot" }, el("span", { class: "sr" }, t("slotEmpty", { n: place + 1 })));
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
    rowsFailed() && openRows(),
  ]);
  paintBanner();
  if (wasAway && !away) toast(t("recovered"));
}

/** A word at the foot of the page, above an open drawer; `actions` are pairs of a word and what it does. */
function toast(text, ...actions) {
  const box = byId("toast");
  clearTimeout(toastEnds);
  // Everything outside an open drawer is inert, so a button there would be a lie.
  const buttons = byId("panel").open ? [] : actions.map(([words, act]) =>
    el("button", { type: "button", class: "text-button", onclick: () => { box.hidePopover(); act(); } }, words));
  box.replaceChildren(text, ...buttons);
  announce(text);
  box.hidePopover();
  box.showPopover();
  toastEnds = setTimeout(() => box.hidePopover(), buttons.length ? TOAST_WITH_BUTTONS_MS : TOAST_MS);
}

/** Tell screen readers. While a drawer is open everything outside of it is silent, so it has a voice of its own. */
function announce(text) {
  const voice = byId(byId("panel").open ? "panel-live" : "live");
  voice.textContent = "";
  setTimeout(() => { voice.textContent = text; }, 50); // the same words a second time are news, too
}

const TOLD = { like: "toastLike", dislike: "toastDislike", rating: "toastRating", withdraw: "toastWithdraw" };

async function say(film, kind, value) {
  const before = state.opinions.get(film.movie_id);
  const ready = state.liked().length < GOAL;
  const heard = state.say(film, kind, value);
  state.keep("picked", state.liked().length);
  paintEverything();
  const words = t(TOLD[kind], { title: film.title, n: value === undefined ? "" : starsText(value) });
  const undo = [t("undo"), () => say(film, before?.kind ?? "withdraw", before?.value)];
  if (ready && state.liked().length === GOAL) {
    toast(`${words} ${t("toastReady")}`, [t("see"), () => { view("discover"); byId("discover-title").focus(); }], undo);
  } else toast(words, undo);
  await hear(heard);
}

/** Wait until the server has heard, then show what changed, or say plainly that it has not. */
async function hear(heard) {
  try {
    await heard;
    state.setTroubled(false);
    paintBanner();
    outdateRows();
    await loadList();
    byId("tab-news").hidden = !LEFT.has(document.body.dataset.view) || !listState().personal;
  } catch (problem) {
    state.setTroubled(Boolean(problem.passing));
    if (!problem.passing) byId("list-state").replaceChildren(failure(problem, loadList));
    paintEverything();
  }
}

/** Go to a part of the page. A phone shows one; a wide window one at the left and one at the right. */
function view(name) {
  const { dataset } = document.body;
  dataset.view = name;
  if (LEFT.has(name)) dataset.left = name;
  else dataset.side = name;
  paintTabs();
  if (name === "discover") openRows();
  byId("tab-news").hidden = true;
  byId("toast").hidePopover();
  scrollTo(0, 0);
}

function paintTabs() {
  const { view: only, left, side } = document.body.dataset;
  const shown = SIDE_BY_SIDE.matches ? [left, side] : [only];
  for (const tab of document.querySelectorAll("button[data-view]")) {
    tab.setAttribute("aria-current", String(shown.includes(tab.dataset.view)));
  }
}

/** A button that is pressed already takes the word back. */
const toggle = (kind) => (film) => {
  const said = state.opinions.get(film.movie_id);
  say(film, said && said.liked === (kind === "like") ? "withdraw" : kind);
};

const ACTS = {
  pick: (film, button) => (state.opinions.has(film.movie_id) ? showFilm(film, button) : say(film, "like")),
  open: showFilm,
  like: toggle("like"),
  dislike: toggle("dislike"),
  withdraw: (film) => say(film, "withdraw"),
};

function listen() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-act], button[data-view], [data-language]");
    if (!button) return;
    const { act, movie, recommendation, view: name, language } = button.dataset;
    if (act === "passport") showPassport(recommendation, button);
    else if (act) ACTS[act](films.get(Number(movie)), button);
    else if (name) view(name);
    else if (language && language !== spoken()) { state.keep("language", language); await speak(language); repaint(); }
  });
  byId("start-over").addEventListener("click", () => { byId("ask").returnValue = ""; byId("ask").showModal(); });
  byId("ask").addEventListener("close", () => { if (byId("ask").returnValue === "yes") startOver(); });
  byId("rows-fresh").addEventListener("click", async () => { await openRows(); byId("discover-title").focus(); });
  openYourData({ onForgotten: () => { startOver(); toast(t("toastForgotten")); } });
  SIDE_BY_SIDE.addEventListener("change", paintTabs);
  byId("skip").addEventListener("click", () => { view("for-you"); byId("for-you-title").focus(); });
  document.addEventListener("unreachable", lose);
  addEventListener("online", recover);
  addEventListener("offline", paintBanner);
}

function startOver() {
  state.newVisitor();
  state.keep("picked", 0);
  forgetRows();
  view("pick");
  paintEverything();
  loadList();
}

function repaint() {
  translatePage();
  repaintWall();
  repaintList();
  repaintRows();
  paintEverything();
}

async function start() {
  const wish = state.recall("language") ?? spoken();
  if (wish !== spoken()) {
    await speak(wish);
    translatePage();
  }
  repaintRows();
  openPanels({ onRate: (film, value) => say(film, "rating", value) });
  listen();
  // What the visitor waits for is asked first, and painted first where it comes at once.
  const learned = learn();
  // A list from before what an earlier visit could not send would be an old one.
  const list = state.unsent() ? learned.then(openList) : openList();
  await Promise.race([list.then(painted), new Promise((wait) => { setTimeout(wait, HEAD_START_MS); })]);
  const wall = openWall();
  view(state.recall("picked") >= GOAL ? "discover" : "pick");
  paintEverything();
  const { film } = given("first") ?? {};
  if (film) {
    films.set(film.movie_id, film);
    showFilm(film);
  }
  await Promise.all([learned, wall, list]);
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
    state.keep("picked", state.liked().length);
    historyKnown = true;
    state.setTroubled(false);
  } catch (problem) {
    state.setTroubled(Boolean(problem.passing));
  }
  paintEverything();
  if (refusal) toast(refusal.message);
}

start();
