// How a film looks: the poster drawn with CSS, the card of the wall, the row of a list, the stars.
// Buttons carry data-act and data-movie; app.js listens once for the whole page.

import { el, icon } from "./dom.js";
import { opinions } from "./state.js";
import { genreName, number, reasonParts, starsText, t } from "./strings.js";

/** movie_id → film, for every film on the page. */
export const films = new Map();

// The genre that says most about a film comes first: "Drama" colours a poster only when nothing else can.
const TELLING = [
  "film-noir", "western", "musical", "animation", "war", "documentary", "horror", "sci-fi", "science-fiction", "fantasy",
  "mystery", "romance", "crime", "children", "family", "adventure", "thriller", "action", "comedy", "drama",
];
const ARTS = 10;
const TONES = 4;

const slug = (genre) => genre.toLowerCase().replaceAll(" ", "-");

function tellingGenre(film) {
  const own = (film.genres ?? []).map(slug);
  return TELLING.find((genre) => own.includes(genre)) ?? own[0] ?? "none";
}

/** The largest type (in hundredths of the poster's width) at which the title fits its half of the poster. */
function titleSize(title) {
  const longest = Math.max(...title.split(/[\s-]+/).map((word) => word.length));
  return Math.max(6.5, Math.min(19, 88 / (longest * 0.59), Math.sqrt(5400 / title.length)));
}

/** The same film has the same poster everywhere, for ever: all of it follows from its id, genre and title. */
export function poster(film) {
  const mixed = Math.imul(film.movie_id, 2654435761) >>> 0;
  const node = el("div", {
    class: "poster", "aria-hidden": "true", "data-genre": tellingGenre(film),
    "data-art": (mixed >>> 8) % ARTS, "data-tone": (mixed >>> 17) % TONES,
  },
  el("span", { class: "poster-title" }, film.title), " ",
  el("span", { class: "poster-credit" }, el("span", {}, film.directors?.[0] ?? ""), " ", el("span", {}, film.year ?? "")));
  node.style.setProperty("--size", `${titleSize(film.title).toFixed(1)}cqi`);
  return node;
}

/** What stands on a poster, in the same order, to be read out. */
const spelled = (film) => [film.title, film.directors?.[0], film.year].filter(Boolean).join(", ");

export const credit = (film) => [film.year, film.directors?.slice(0, 2).join(", ")].filter(Boolean).join(" · ");

export const genreLine = (film) => (film.genres ?? []).map(genreName).join(", ");

/** A button that says like or dislike; it stays pressed while that is the visitor's word. */
export function opinionButton(film, act, { words = false } = {}) {
  const label = t(`${act}Film`, { title: film.title });
  return el("button", {
    type: "button", class: words ? `say ${act}` : `icon-button ${act}`, "data-act": act, "data-movie": film.movie_id,
    "aria-label": label, title: words ? undefined : t(act),
  }, icon(act === "like" ? "heart" : "down"), words && el("span", {}, t(act)));
}

/**
 * A poster: to like with one click, for the wall and for "more like this", or to open, for a row. `why` are words under it.
 */
export function card(film, { opens = false, why = "" } = {}) {
  films.set(film.movie_id, film);
  const node = el("li", { class: opens ? "card opens" : "card", "data-film": film.movie_id },
    el("button", {
      type: "button", class: "card-poster", "data-act": opens ? "open" : "pick", "data-movie": film.movie_id,
      "aria-label": opens ? spelled(film) : undefined,
    }, poster(film), el("span", { class: "stamp" }, icon("heart"), icon("down"))),
    el("div", { class: "card-tools" },
      opens && opinionButton(film, "like"),
      opinionButton(film, "dislike"),
      !opens && el("button", {
        type: "button", class: "text-button", "data-act": "open", "data-movie": film.movie_id,
        "aria-label": t("moreFilm", { title: film.title }),
      }, t("more"))),
    why && el("p", { class: "card-why" }, why));
  return paint(node);
}

/** What a similar film has in common with a film, in words: who made them, what they are, when, or who likes them. */
export function inCommon(film, other) {
  const director = (film.directors ?? []).find((name) => other.directors?.includes(name));
  if (director) return t("alsoBy", { name: director });
  const genres = (film.genres ?? []).filter((genre) => other.genres?.includes(genre)).slice(0, 2);
  if (genres.length) return t("alsoGenres", { genres: genres.map(genreName).join(", ") });
  const decade = Math.floor(film.year / 10) * 10;
  return t(film.year && Math.floor(other.year / 10) * 10 === decade ? "alsoFrom" : "alsoLiked", { decade });
}

/** One line of a list: of the recommendations (with rank and reason) or of the visitor's films (with their word). */
export function row(film, { ranked = false } = {}) {
  films.set(film.movie_id, film);
  const said = opinions.get(film.movie_id);
  const why = ranked
    ? film.reason
      ? [icon("heart"), ...reasonParts(film.reason).map(([words, isTitle]) => (isTitle ? el("b", {}, words) : words))]
      : [t("likedBy", { n: number(film.likes ?? 0) })]
    : said ? [saidText(said)] : [];
  const node = el("li", { class: "row", "data-film": film.movie_id },
    ranked && el("span", { class: "rank", "aria-hidden": "true" }, String(film.rank)),
    el("button", { type: "button", class: "row-main", "data-act": "open", "data-movie": film.movie_id },
      poster(film),
      el("span", { class: "row-text" },
        el("span", { class: "row-title" }, film.title),
        el("span", { class: "row-credit" }, credit(film)),
        el("span", { class: film.reason ? "why personal" : "why" }, ...why))),
    el("div", { class: "row-tools" },
      opinionButton(film, "like"), opinionButton(film, "dislike"),
      !ranked && el("button", {
        type: "button", class: "icon-button", "data-act": "withdraw", "data-movie": film.movie_id,
        "aria-label": t("withdrawFilm", { title: film.title }), title: t("withdraw"),
      }, icon("close"))));
  return paint(node);
}

export function saidText(said) {
  if (said.kind === "rating") return t("saidRating", { n: starsText(said.value) });
  return t(said.liked ? "saidLike" : "saidDislike");
}

/** Ten half-stars as radio buttons: arrows, screen readers and fingers all work. `onRate` gets 0.5 … 5. */
export function stars(film, onRate) {
  const now = () => opinions.get(film.movie_id)?.value ?? 0;
  const fill = (value) => node.style.setProperty("--fill", `${value * 20}%`);
  const layer = (name) => el("span", { class: name, "aria-hidden": "true" }, Array.from({ length: 5 }, () => icon("star")));
  let settling; // arrow keys pass over values: only the one they rest on is said
  const halves = Array.from({ length: 10 }, (_, step) => {
    const value = (step + 1) / 2;
    const input = el("input", { type: "radio", name: `stars-${film.movie_id}`, value, "aria-label": starsText(value) });
    input.checked = now() === value;
    input.addEventListener("change", () => {
      fill(value);
      clearTimeout(settling);
      settling = setTimeout(() => onRate(value), 350);
    });
    return el("label", { onpointerenter: () => fill(value) }, input);
  });
  const node = el("fieldset", { class: "stars", onpointerleave: () => fill(Number(node.querySelector(":checked")?.value ?? 0)) },
    el("legend", { class: "sr" }, `${t("rate")}: ${film.title}`), layer("stars-empty"), layer("stars-full"), halves);
  fill(now());
  return node;
}

/** Show the visitor's word about a film on everything that stands for it. */
export function paint(root) {
  const nodes = root.matches?.("[data-film]") ? [root] : root.querySelectorAll("[data-film]");
  for (const node of nodes) {
    const id = Number(node.dataset.film);
    const said = opinions.get(id);
    node.dataset.said = !said ? "" : said.liked ? "like" : "dislike";
    for (const button of node.querySelectorAll("[data-act]")) {
      const { act } = button.dataset;
      if (act === "like") button.setAttribute("aria-pressed", String(Boolean(said?.liked)));
      if (act === "dislike") button.setAttribute("aria-pressed", String(Boolean(said && !said.liked)));
      if (act === "pick") {
        const film = films.get(id);
        button.setAttribute("aria-pressed", String(Boolean(said?.liked)));
        button.setAttribute("aria-label", t(said ? "changeFilm" : "likeFilm", { title: spelled(film) }));
      }
    }
  }
  return root;
}

export const skeletonCards = (count) =>
  Array.from({ length: count }, () => el("li", { class: "card skeleton", "aria-hidden": "true" }, el("div", { class: "poster" })));

export const skeletonRows = (count) =>
  Array.from({ length: count }, () => el("li", { class: "row skeleton", "aria-hidden": "true" },
    el("div", { class: "poster" }), el("div", { class: "row-text" }, el("i"), el("i"), el("i"))));
