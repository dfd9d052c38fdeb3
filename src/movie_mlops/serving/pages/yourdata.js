// The visitor's own data: what is kept, a copy of it, and taking all of it back.

import * as api from "./api.js";
import { byId, failure } from "./dom.js";
import * as state from "./state.js";
import { t } from "./strings.js";

/** `onForgotten()` is called when everything was taken back and the visitor is a new one. */
export function openYourData({ onForgotten }) {
  byId("forget").addEventListener("click", () => {
    byId("ask-forget").returnValue = "";
    byId("ask-forget").showModal();
  });
  byId("ask-forget").addEventListener("close", async () => {
    if (byId("ask-forget").returnValue !== "yes") return;
    try {
      await state.forget();
      onForgotten();
    } catch (problem) {
      byId("yours-state").replaceChildren(failure(problem, () => byId("forget").click()));
    }
  });
}

export function paintYourData() {
  byId("data-more").textContent = t("dataMore", { id: state.visitorId() });
  byId("data-download").href = api.historyPath(state.visitorId());
}
