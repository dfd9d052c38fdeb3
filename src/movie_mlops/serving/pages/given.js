// What the server put into the page as plain data, so that nobody has to ask for it.

export function given(id) {
  const node = document.getElementById(id);
  return node ? JSON.parse(node.textContent) : null;
}
