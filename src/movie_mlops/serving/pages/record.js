// The page of one list: why these films, and could the model behind them be made again today? In sentences.

import * as api from "./api.js";
import { films } from "./cards.js";
import { byId, el, failure } from "./dom.js";
import { passportBody } from "./passport.js";
import { keep, recall } from "./state.js";
import { day, number, percent, speak, spoken, t, translatePage } from "./strings.js";

let shown = () => [];

async function show(recommendationId) {
  say(el("p", { class: "muted" }, t("loading")));
  try {
    const [record, story] = await Promise.all([api.passport(recommendationId), api.why(recommendationId)]);
    for (const film of story.items) if (film.title) films.set(film.movie_id, film);
    shown = () => [...told(record, story), ...rebuilt(record, story.rebuild), ...behind(recommendationId, record, story)];
    say(...shown());
  } catch (problem) {
    shown = () => [failure(problem, () => show(recommendationId))];
    say(...shown());
  }
}

/** Look for the newest list that a user had been shown by a time. */
async function find(user, when) {
  say(el("p", { class: "muted" }, t("loading")));
  try {
    const answered = await api.answered(user, when);
    if (answered.recommendation) {
      const { recommendation_id: id } = answered.recommendation;
      history.replaceState(null, "", `?id=${id}`);
      await show(id);
      return;
    }
    const { release } = answered;
    const values = { user, at: day(answered.at), release: release?.release_id, bundle: release?.bundle_id };
    shown = () => [el("p", { class: "record-lead" }, t(release ? "recordNoList" : "recordNothing", values))];
  } catch (problem) {
    shown = () => [failure(problem, () => find(user, when))];
  }
  say(...shown());
}

function say(...content) {
  byId("record").replaceChildren(...content.filter(Boolean));
}

function told({ recommendation, release }, { items, liked, same, problem }) {
  const who = recommendation.user_id === null ? t("recordVisitor") : t("recordTheUser", { user: recommendation.user_id });
  const values = { who, k: number(items.length), at: day(recommendation.at), n: liked === null ? "" : number(liked) };
  const personal = recommendation.source === "personalised";
  return [
    el("p", { class: "record-lead" }, t("recordShown", values)),
    el("p", {}, [
      release && t("recordRelease", { release: release.release_id, bundle: release.bundle_id, at: day(release.at) }),
      personal ? liked !== null && t("recordFrom", values) : t("recordPopular"),
    ].filter(Boolean).join(" ")),
    el("ol", { class: "record-films" }, items.map(film)),
    personal && el("p", { class: same ? "record-check good" : "record-check" },
      t(same === null ? "recordNotTried" : same ? "recordSame" : "recordNotSame"), problem && ` ${problem}`),
  ];
}

function film({ movie_id: id, title, year, score, because }) {
  const reasons = because.map((other) => t("recordShare", { title: other.title, share: percent(other.share) }));
  return el("li", {},
    el("strong", {}, title ?? `${id}`), year ? ` (${year})` : "",
    el("span", { class: "record-why" },
      reasons.length ? t("recordBecause", { titles: reasons.join(", ") }) : t("recordScore", { score: number(score, 3) })));
}

function rebuilt({ release }, rebuild) {
  if (!rebuild) return release ? [] : [el("p", {}, t("recordNoModel"))];
  const { possible, problem, changes, command } = rebuild;
  const sentence = possible ? t(changes.length ? "recordMaybe" : "recordYes") : t("recordNo");
  return [
    el("h2", {}, t("recordAgain")),
    el("p", { class: possible && !changes.length ? "record-check good" : "record-check" }, sentence),
    problem && el("p", {}, problem),
    changes.length > 0 && el("ul", { class: "record-changes" },
      changes.map(({ what, recorded, present }) => el("li", {}, t("recordChange", { what, recorded, present })))),
    possible && el("p", {}, t("recordTry")),
    possible && el("pre", { class: "record-command" }, el("code", {}, command)),
  ];
}

function behind(recommendationId, record, { liked }) {
  const picture = api.picturePath(recommendationId);
  return [
    el("h2", {}, t("recordBehind")),
    record.release && el("a", { class: "record-picture", href: picture, target: "_blank", rel: "noopener" },
      el("img", { src: picture, alt: t("recordPicture") })),
    el("div", { class: "record-facts" }, record.problem ? el("p", {}, record.problem) : passportBody(record, liked ?? 0).slice(2)),
    el("p", {}, el("a", { href: api.passportPath(recommendationId) }, t("passportRaw"))),
  ];
}

function title() {
  translatePage();
  document.title = `${t("recordTitle")} · movie-mlops`;
}

await speak(recall("language") ?? spoken());
title();
document.addEventListener("click", async (event) => {
  const { language } = event.target.closest("[data-language]")?.dataset ?? {};
  if (!language) return;
  keep("language", language);
  await speak(language);
  title();
  say(...shown());
});
byId("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const when = byId("ask-when").value;
  find(byId("ask-user").value.trim(), when ? new Date(when).toISOString() : "");
});
const asked = new URLSearchParams(location.search);
if (asked.get("user")) byId("ask-user").value = asked.get("user");
if (asked.get("id")) show(asked.get("id"));
else if (asked.get("user")) find(asked.get("user"), asked.get("at") ?? "");
