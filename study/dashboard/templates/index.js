// Asks for the list of studies again and again, and replaces the parts that have changed.
"use strict";
const EVERY_MS = 2000;
const main = document.getElementById("studies");
const connection = document.getElementById("connection");

function update(fresh) {
  const before = new Map([...main.children].map(child => [child.id, child]));
  const after = [...fresh.children].map(child => {
    const old = child.id && before.get(child.id);
    // An unchanged part stays, with its focus and its picture.
    return old && old.outerHTML === child.outerHTML ? old : child;
  });
  const same = after.length === main.children.length && after.every((child, i) => child === main.children[i]);
  if (same) return;
  const focused = document.activeElement && document.activeElement.getAttribute("href");
  main.replaceChildren(...after);
  const again = focused && [...main.querySelectorAll("a")].find(link => link.getAttribute("href") === focused);
  if (again && document.activeElement === document.body) again.focus({preventScroll: true});
}

async function refresh() {
  if (!document.hidden) {
    try {
      const response = await fetch("studies.html", {cache: "no-store"});
      if (!response.ok) throw new Error(response.statusText);
      const fresh = document.createElement("main");
      fresh.innerHTML = await response.text();
      update(fresh);
      connection.hidden = true;
    } catch (error) {
      connection.hidden = false;
    }
  }
  setTimeout(refresh, EVERY_MS);
}
setTimeout(refresh, EVERY_MS);
