// Building page elements. Text always goes in as text: nothing from the server is ever read as HTML.

import { t } from "./strings.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties (`class`, `data-…`, `aria-…`, `onclick`, …) and children (nodes or text). */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

/** A quiet message with an optional button: for nothing found, nothing yet, and failures. */
export function message({ title, more, action, onAction, alarm = false }) {
  return el("div", { class: alarm ? "message alarm" : "message", role: alarm ? "alert" : undefined },
    el("strong", {}, title),
    more && el("p", {}, more),
    action && el("button", { type: "button", class: "solid", onclick: onAction }, action));
}

/** A failure in the server's own words, with the way out; `detail` is its sentence for people, `title` the one of HTTP. */
export function failure(problem, onRetry) {
  const nobody = problem.status === 0 || problem.status === undefined;
  return message({
    alarm: true,
    title: t(nobody ? "unreachableShort" : "problem"),
    more: nobody ? t("unreachableMore") : problem.detail || problem.title,
    action: t("retry"),
    onAction: onRetry,
  });
}

/** A group of genre chips; `isOn` says which are pressed, `onPress` gets the genre. */
export function chip(label, on, onPress) {
  return el("button", { type: "button", class: "chip", "aria-pressed": String(on), onclick: onPress }, label);
}

/** What is on the page now is painted when this resolves. */
export const painted = () => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
