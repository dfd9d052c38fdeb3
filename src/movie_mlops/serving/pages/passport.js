// The passport of a list for people: sentences first, then labelled facts, the long ones folded away.

import { films, genreLine } from "./cards.js";
import { el } from "./dom.js";
import { moment, number, t } from "./strings.js";

const HOW = {
  popular: "modelPopular", "popular-recent": "modelPopularRecent", "item-knn": "modelItemKnn",
  ease: "modelEase", edlae: "modelEase", ials: "modelIals",
};

/** `record` is the server's passport; `known` how many films the visitor has spoken about. */
export function passportBody(record, known) {
  return [
    el("p", { class: "passport-lead" }, chosen(record.recommendation, known)),
    facts([[t("passportWhen"), moment(record.recommendation.at)], [t("passportOnly"), scope(record.recommendation.request)]]),
    ...(record.bundle ? behind(record) : []),
    fold(t("passportScores"), record.recommendation.items.map(({ movie_id: id, score }) =>
      [films.get(id)?.title ?? `${id}`, number(score, 3)])),
    record.bundle && fold(t("passportFiles"), Object.entries(record.bundle.sha256), "code"),
    record.bundle && fold(t("passportPackages"), Object.entries(record.code.packages ?? {})),
    facts([[t("passportId"), code(record.recommendation.recommendation_id)]]),
  ].filter(Boolean);
}

const ROWS = { because: "passportRowBecause", new: "passportRowNew", gems: "passportRowGems" };

function chosen({ source, items, request }, known) {
  const k = number(items.length);
  if (source !== "personalised") return t("passportPopular", { k });
  if (ROWS[request.row]) {
    const title = films.get(request.history?.[0]?.movie_id)?.title ?? "";
    return t(ROWS[request.row], { k, title, year: request.years?.slice(0, 4) });
  }
  if (!known) return t("passportMine", { k });
  return known === 1 ? t("passportPersonalOne", { k }) : t("passportPersonal", { k, n: number(known) });
}

function scope({ row, genres, years, exclude_seen: unseen }) {
  const few = row === "gems" && t("passportFew");
  const only = [few, genreLine({ genres }), years && t("passportYears", { years })].filter(Boolean);
  return only.join(", ") || t(unseen ? "passportAll" : "passportNoFilter");
}

function behind({ release, gate, bundle, data, features, code: source, training }) {
  const value = { release: release.release_id, at: moment(release.at) };
  return [
    part(t("passportModel"), HOW[release.model] && t(HOW[release.model]), [
      [t("passportModelName"), release.model],
      [t("passportParams"), pairs(bundle.params)],
      [t("passportRelease"), t("passportReleaseValue", value)],
      [t("passportApproved"), release.approved_by === "gate" ? t("passportGate") : release.approved_by],
      [t("passportBundle"), code(release.bundle_id)],
    ]),
    part(t("passportTest"), tried(gate, training), (gate.checks ?? []).map((check) => compared(check, gate.metric))),
    part(t("passportData"), data.dataset === "sample" && t("passportSample"), [
      [t("passportDataset"), data.dataset],
      [t("passportVersions"), pairs(data.lake_versions)],
      [t("passportFeatures"), pairs(short(features.versions))],
    ]),
    part(t("passportCode"), "", [[t("passportCommit"), commit(source.commit)], [t("passportSeed"), training.randomness === "none" ? t("passportNoSeed") : training.seed]]),
  ];
}

/** How often a list of ten held a film that somebody went on to like, where that was measured. */
function tried(gate, { evaluation }) {
  const rate = evaluation?.["hit_rate@10"]?.estimate;
  if (rate === undefined || !gate.users) return "";
  return t("passportTestHit", { users: number(gate.users), n: number(Math.round(rate * 100)) });
}

function compared({ name, passed, sentence, estimate, low, high }, metric) {
  if (!name.startsWith("beats-") || estimate === undefined) return [name, sentence];
  const signed = (value) => `${value < 0 ? "−" : "+"}${number(Math.abs(value), 3)}`;
  const measure = (metric ?? "").replace("ndcg", "nDCG");
  return [
    t(passed ? "passportBeats" : "passportBeatsNot", { other: name.slice("beats-".length) }),
    t("passportBeatsValue", { gain: signed(estimate), low: signed(low), high: signed(high), metric: measure }),
  ];
}

function commit(text) {
  if (!text) return null;
  const [hash, changed] = text.split("+");
  return changed ? t("passportChanged", { commit: hash.slice(0, 12) }) : code(hash.slice(0, 12));
}

const short = (hashes) => Object.fromEntries(Object.entries(hashes ?? {}).map(([name, hash]) => [name, `${hash}`.slice(0, 12)]));
const pairs = (group) => Object.entries(group ?? {}).map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`).join(", ");
const code = (text) => el("span", { class: "code" }, text);

function part(title, sentence, rows) {
  return el("section", {}, el("h3", {}, title), sentence && el("p", { class: "passport-text" }, sentence), facts(rows));
}

/** Labelled rows; what was not recorded says so, and nothing is left out in silence. */
function facts(rows, kind) {
  const said = (value) => (value === null || value === undefined || value === "" ? el("span", { class: "muted" }, t("unknown")) : value);
  return el("dl", { class: "facts" }, rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", { class: kind }, said(value))]));
}

function fold(title, rows, kind) {
  return el("details", {}, el("summary", {}, title), facts(rows, kind));
}
