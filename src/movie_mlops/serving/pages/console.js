// The console works without this module; with it, what is live renews itself, and a step that everybody feels is asked about.

const EVERY_MS = 10_000;

/** The same page again, as a document in which nothing runs. */
function again() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.onload = () => (request.status === 200 ? resolve(request.responseXML) : reject(new Error(`${request.status}`)));
    request.onerror = reject;
    request.open("GET", location.href);
    request.send();
  });
}

async function renew() {
  const old = document.querySelector("[data-live]");
  if (!old || document.hidden || old.contains(document.activeElement)) return;
  try {
    const fresh = (await again()).querySelector(`[data-live="${old.dataset.live}"]`);
    if (fresh) old.replaceWith(document.adoptNode(fresh));
    document.body.classList.remove("away");
  } catch {
    document.body.classList.add("away");
  }
}

/** Ask before a form is sent whose step everybody feels. */
function ask(form) {
  const dialog = document.createElement("dialog");
  dialog.className = "ask";
  const title = document.createElement("h2");
  title.id = "ask-title";
  title.textContent = form.dataset.confirm;
  dialog.setAttribute("aria-labelledby", title.id);
  const what = document.createElement("p");
  what.textContent = [form.elements.bundle?.value, form.elements.reason.value].filter(Boolean).join(" · ");
  const actions = document.createElement("form");
  actions.method = "dialog";
  actions.className = "ask-actions";
  for (const [value, words, kind] of [["no", "Cancel", "quiet"], ["yes", form.querySelector("button").textContent, "solid"]]) {
    const button = document.createElement("button");
    Object.assign(button, { value, className: kind, textContent: words });
    actions.append(button);
  }
  dialog.append(title, what, actions);
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "yes") form.submit();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}

for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(form);
  });
}
if (document.querySelector("[data-live]")) setInterval(renew, EVERY_MS);
document.querySelector(".rail [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
