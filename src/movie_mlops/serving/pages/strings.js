// Every word of the page in both languages; nothing else in the page holds a sentence.

const EN = {
  title: "Films for you",
  language: "Language",
  startOver: "Start over",
  lead: "Pick five films you like.",
  leadMore: "Your ten recommendations follow at once, and get better with every film.",
  leadSome: "{n} to go.",
  leadDone: "That is your taste.",
  leadDoneMore: "Keep picking: every film sharpens your list. A film you did not like says as much.",
  slotEmpty: "Film {n}: not picked yet",
  searchPlaceholder: "Search a film or a director",
  searchLabel: "Search films",
  wallGenres: "Show films of a genre",
  wallTitle: "Well-known films",
  wallResults: "Results for “{query}”",
  films: "{n} films",
  film: "1 film",
  showMore: "Show more films",
  wallEmpty: "No film here is called that.",
  wallEmptyMore: "Check the spelling, or search a single word of the title.",
  clearSearch: "Clear search",
  sections: "Sections",
  tabPick: "Pick",
  tabForYou: "For you",
  tabYours: "Your films",
  forYouPopular: "Popular now",
  forYouTitle: "Ten for you",
  forYouFew: "{n} for you",
  sourcePopular: "These are popular right now: pick films to make it yours.",
  sourcePersonalised: "Chosen from {n} films you told us about.",
  sourcePersonalisedOne: "Chosen from the film you told us about.",
  filter: "Filter",
  genres: "Genres",
  years: "Years",
  yearFrom: "From year",
  yearTo: "To year",
  anyFrom: "Any year",
  anyTo: "Today",
  clear: "Clear",
  all: "All",
  listEmpty: "Nothing fits these filters.",
  listEmptyMore: "Widen the years or take a genre away.",
  clearFilters: "Clear filters",
  because: null, // English reasons come from the server as a sentence
  likedBy: "Liked by {n} people",
  like: "Like",
  likeFilm: "Like {title}",
  dislike: "Not for me",
  dislikeFilm: "Not for me: {title}",
  more: "More",
  moreFilm: "Rate {title} and see more like this",
  changeFilm: "{title}: change what you said",
  rate: "Your rating",
  stars: "{n} stars",
  star: "1 star",
  notRated: "Not rated",
  moreLikeThis: "More like this",
  noSimilar: "No similar films are known for this one yet.",
  average: "{n} on average",
  by: "Directed by {names}",
  saidLike: "You like this",
  saidDislike: "Not for you",
  saidRating: "You gave {n}",
  change: "Change",
  yoursTitle: "Your films",
  yoursMore: "What your list is made from. Change your mind whenever you like.",
  yoursEmpty: "Nothing here yet.",
  yoursEmptyMore: "Films that you like, dislike or rate are kept here.",
  pickFilms: "Pick films",
  toastLike: "You like {title}.",
  toastDislike: "{title} is not for you.",
  toastRating: "You gave {title} {n}.",
  toastReady: "Your ten are ready.",
  see: "See them",
  close: "Close",
  back: "Back",
  loading: "Loading…",
  retry: "Try again",
  problem: "That did not work.",
  unreachable: "The server does not answer.",
  unreachableMore: "Check the connection, or that the server is running.",
  offline: "You are offline.",
  waiting: "{n} of your choices will be sent when the server answers.",
  waitingOne: "One of your choices will be sent when the server answers.",
  behind: "Why these films?",
  behindLine: "Release {release} · model {model}",
  passport: "Behind this list",
  passportMore: "Everything that made this answer, kept with it.",
  passportRaw: "The whole record",
  askTitle: "Start over?",
  askMore: "You become a new visitor. Your films so far are no longer shown here, and this cannot be undone.",
  keep: "Keep my films",
};

const KO = {
  title: "당신을 위한 영화",
  language: "언어",
  startOver: "처음부터",
  lead: "어떤 영화를 좋아하세요?",
  leadMore: "다섯 편을 고르면 바로 열 편을 추천해 드려요. 고를수록 더 정확해집니다.",
  leadSome: "{n}편 남았어요.",
  leadDone: "취향을 알겠어요.",
  leadDoneMore: "계속 골라 보세요. 고를 때마다 목록이 다듬어집니다. 싫었던 영화도 큰 도움이 돼요.",
  slotEmpty: "{n}번째 영화: 아직 고르지 않음",
  searchPlaceholder: "영화 제목이나 감독 검색",
  searchLabel: "영화 검색",
  wallGenres: "장르별로 보기",
  wallTitle: "널리 알려진 영화",
  wallResults: "‘{query}’ 검색 결과",
  films: "{n}편",
  film: "1편",
  showMore: "영화 더 보기",
  wallEmpty: "그런 제목의 영화가 없어요.",
  wallEmptyMore: "철자를 확인하거나 제목의 한 단어만 검색해 보세요.",
  clearSearch: "검색 지우기",
  sections: "구역",
  tabPick: "고르기",
  tabForYou: "추천",
  tabYours: "내 영화",
  forYouPopular: "지금 인기 있는 영화",
  forYouTitle: "당신을 위한 열 편",
  forYouFew: "당신을 위한 {n}편",
  sourcePopular: "지금 인기 있는 영화예요. 영화를 고르면 당신만의 목록이 됩니다.",
  sourcePersonalised: "알려 주신 영화 {n}편을 바탕으로 골랐어요.",
  sourcePersonalisedOne: "알려 주신 영화 한 편을 바탕으로 골랐어요.",
  filter: "필터",
  genres: "장르",
  years: "연도",
  yearFrom: "시작 연도",
  yearTo: "끝 연도",
  anyFrom: "전체",
  anyTo: "오늘",
  clear: "지우기",
  all: "전체",
  listEmpty: "조건에 맞는 영화가 없어요.",
  listEmptyMore: "연도를 넓히거나 장르를 빼 보세요.",
  clearFilters: "필터 지우기",
  because: "{titles} 때문에 골랐어요",
  likedBy: "{n}명이 좋아해요",
  like: "좋아요",
  likeFilm: "{title} 좋아요",
  dislike: "별로예요",
  dislikeFilm: "{title} 별로예요",
  more: "더 보기",
  moreFilm: "{title} 평가하고 비슷한 영화 보기",
  changeFilm: "{title}: 평가 바꾸기",
  rate: "내 별점",
  stars: "별 {n}개",
  star: "별 1개",
  notRated: "별점 없음",
  moreLikeThis: "비슷한 영화",
  noSimilar: "아직 비슷한 영화를 찾지 못했어요.",
  average: "평균 {n}점",
  by: "감독 {names}",
  saidLike: "좋아하는 영화",
  saidDislike: "취향이 아닌 영화",
  saidRating: "내 별점 {n}",
  change: "바꾸기",
  yoursTitle: "내 영화",
  yoursMore: "추천의 바탕이 되는 영화예요. 언제든 바꿀 수 있어요.",
  yoursEmpty: "아직 비어 있어요.",
  yoursEmptyMore: "좋아하거나, 싫어하거나, 별점을 준 영화가 여기에 모입니다.",
  pickFilms: "영화 고르기",
  toastLike: "좋아요: {title}",
  toastDislike: "별로예요: {title}",
  toastRating: "{title}: {n}",
  toastReady: "열 편이 준비됐어요.",
  see: "보기",
  close: "닫기",
  back: "뒤로",
  loading: "불러오는 중…",
  retry: "다시 시도",
  problem: "문제가 생겼어요.",
  unreachable: "서버가 응답하지 않아요.",
  unreachableMore: "연결 상태와 서버가 켜져 있는지 확인해 주세요.",
  offline: "오프라인 상태예요.",
  waiting: "서버가 응답하면 선택 {n}개를 보낼게요.",
  waitingOne: "서버가 응답하면 선택 1개를 보낼게요.",
  behind: "왜 이 영화들인가요?",
  behindLine: "릴리스 {release} · 모델 {model}",
  passport: "이 목록의 배경",
  passportMore: "이 답을 만든 모든 것의 기록입니다.",
  passportRaw: "전체 기록",
  askTitle: "처음부터 시작할까요?",
  askMore: "새 방문자가 됩니다. 지금까지 고른 영화는 더 이상 보이지 않고, 되돌릴 수 없어요.",
  keep: "그대로 두기",
};

const KO_GENRES = {
  Action: "액션", Adventure: "모험", Animation: "애니메이션", Children: "어린이", Comedy: "코미디", Crime: "범죄",
  Documentary: "다큐멘터리", Drama: "드라마", Family: "가족", Fantasy: "판타지", "Film-Noir": "누아르", History: "역사",
  Horror: "공포", IMAX: "IMAX", Music: "음악", Musical: "뮤지컬", Mystery: "미스터리", Romance: "로맨스", "Sci-Fi": "SF",
  "Science Fiction": "SF", Thriller: "스릴러", War: "전쟁", Western: "서부극",
};

const TABLES = { en: EN, ko: KO };
let current = "en";

/** Speak one of the two languages from now on. */
export function speak(language) {
  current = language in TABLES ? language : "en";
  document.documentElement.lang = current;
}

export const spoken = () => current;

/** The sentence behind a key, with its {names} filled in. */
export function t(key, values = {}) {
  const sentence = TABLES[current][key] ?? "";
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

export const genreName = (genre) => (current === "ko" && KO_GENRES[genre]) || genre;

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(current, { minimumFractionDigits: digits, maximumFractionDigits: Math.max(digits, 1) }).format(value);

export const starsText = (value) => (value === 1 ? t("star") : t("stars", { n: number(value) }));

/** Why a film is in the list: the server's English sentence, or ours built from the same titles. */
export function reasonText(reason) {
  const titles = (reason.because ?? []).map((film) => `〈${film.title}〉`).slice(0, 2).join(", ");
  return current === "ko" && titles ? t("because", { titles }) : reason.text;
}

/** Put the words of the current language into the fixed parts of the page. */
export function translatePage(root = document) {
  document.title = `${t("title")} · movie-mlops`;
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = t(node.dataset.placeholder);
  for (const node of root.querySelectorAll("[data-language]")) node.setAttribute("aria-pressed", node.dataset.language === current);
}
