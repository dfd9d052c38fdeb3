// Discover: rows of films, each with a reason of its own and its own passport.

import * as api from "./api.js";
import { card, skeletonCards } from "./cards.js";
import { byId, calm, el, failure, icon, message } from "./dom.js";
import { visitorId } from "./state.js";
import { reasonParts, t } from "./strings.js";

const TITLES = {
  because: ["rowBecause", "rowBecause"], new: ["rowNew", "rowNewPopular"],
  gems: ["rowGems", "rowGems"], popular: ["rowPopular", "rowPopular"],
};
const WHY = {
  because: ["rowBecauseWhy", "rowBecauseWhy"], new: ["rowNewWhy", "rowNewPopularWhy"],
  gems: ["rowGemsWhy", "rowGemsWhy"], popular: ["rowPopularWhy", "rowPopularWhy"],
};

let answer = null;
let fresh = false; // whether the rows are from after the visitor's last word
let asked = new AbortController();

/** What the visitor said has changed what the rows would be. Those on screen stay until they are asked for. */
export function outdateRows() {
  fresh = false;
  byId("rows-fresh").hidden = !answer || document.body.dataset.left !== "discover";
}

/** Show the rows; ask for them where there are none, or only old ones. */
export async function openRows() {
  if (fresh) return;
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  const shelves = byId("shelves");
  byId("rows-fresh").hidden = true;
  byId("rows-state").replaceChildren();
  shelves.setAttribute("aria-busy", "true");
  if (!answer) shelves.replaceChildren(...Array.from({ length: 3 }, skeleton));
  try {
    answer = await api.rows(visitorId(), signal);
    fresh = true;
    repaintRows();
  } catch (problem) {
    if (signal.aborted) return;
    if (!answer) shelves.replaceChildren();
    byId("rows-state").replaceChildren(failure(problem, openRows));
  }
  shelves.removeAttribute("aria-busy");
}

export function forgetRows() {
  answer = null;
  fresh = false;
}

export const rowsFailed = () => byId("rows-state").querySelector("[role=alert]") !== null;

export function repaintRows() {
  const personal = answer?.rows.some((row) => row.source === "personalised");
  byId("discover-title").textContent = t(personal === false ? "discoverPopular" : "discoverTitle");
  byId("discover-more").textContent = t(personal === false ? "discoverPopularMore" : "discoverMore");
  if (!answer) return;
  byId("shelves").replaceChildren(...answer.rows.map(shelf));
  byId("rows-state").replaceChildren(...(answer.rows.length ? [] : [message({ title: t("rowsNone"), more: t("rowsNoneMore") })]));
}

function shelf(row, place) {
  const shared = row.source === "personalised" ? 0 : 1;
  const values = { title: row.film?.title, year: row.since };
  const title = t(TITLES[row.kind][shared], values);
  const list = el("ul", { class: "shelf-films", "aria-labelledby": `row-${place}` },
    row.items.map((film) => card(film, { opens: true, why: row.kind === "because" ? "" : reason(film) })));
  const step = (way, label, name) => el("button", {
    type: "button", class: "icon-button", "aria-label": `${t(label)}: ${title}`,
    onclick: () => list.scrollBy({ left: way * list.clientWidth * 0.85, behavior: calm() ? "instant" : "smooth" }),
  }, icon(name));
  const steps = el("div", { class: "shelf-steps" }, step(-1, "rowBack", "left"), step(1, "rowOn", "right"));
  const node = el("section", { class: "shelf", "data-kind": row.kind, "aria-labelledby": `row-${place}` },
    el("header", { class: "shelf-head" },
      el("h2", { id: `row-${place}` }, title),
      el("p", {}, t(WHY[row.kind][shared], values), " ",
        el("button", {
          type: "button", class: "text-button", "data-act": "passport", "data-recommendation": row.recommendation_id,
          "aria-label": `${t("whyRow")} ${title}`,
        }, t("whyRow"))),
      steps),
    list);
  const ends = () => {
    const [back, on] = steps.children;
    back.disabled = list.scrollLeft < 4;
    on.disabled = list.scrollLeft + list.clientWidth > list.scrollWidth - 4;
  };
  list.addEventListener("scroll", ends, { passive: true });
  new ResizeObserver(ends).observe(list);
  return node;
}

const reason = (film) => (film.reason ? reasonParts(film.reason).map(([words]) => words).join("") : "");

const skeleton = () => el("section", { class: "shelf", "aria-hidden": "true" },
  el("header", { class: "shelf-head" }, el("i", { class: "bone" })),
  el("ul", { class: "shelf-films" }, skeletonCards(7)));
