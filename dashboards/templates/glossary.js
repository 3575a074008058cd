// Terms in headings are explained at the pointer and at the keyboard's focus; Escape closes the explanation.
const spellings = Object.entries(data.terms).flatMap(([id, texts]) => texts.map((spelling) => ({ id, spelling })));
spellings.sort((a, b) => b.spelling.length - a.spelling.length);
const ids = new Map(spellings.map(({ id, spelling }) => [spelling.toLowerCase(), id]));
const escaped = spellings.map(({ spelling }) => spelling.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
const pattern = new RegExp(`(?<![\\w.-])(${escaped.join("|")})(?![\\w-]|\\.\\w)`, "i");
const tip = element("div", { id: "term-tip", role: "tooltip", hidden: true });
document.body.append(tip);

function show(mark) {
  const entry = document.getElementById(`term-${mark.dataset.term}`);
  tip.replaceChildren(element("b", {}, entry.querySelector("dfn").textContent), entry.querySelector("dd").textContent);
  tip.hidden = false;
  const box = mark.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8)) + scrollX}px`;
  tip.style.top = `${(box.bottom + tip.offsetHeight + 12 < innerHeight ? box.bottom + 7 : Math.max(8, box.top - tip.offsetHeight - 7)) + scrollY}px`;
}
const hide = () => { tip.hidden = true; };

// The first term in the text of a heading becomes an element of its own, once in each section.
function markFirst(heading, isDone) {
  const walker = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement.closest("button, a, abbr, .arm, code, .visually-hidden")) continue;
    const found = pattern.exec(node.data);
    if (!found || isDone.has(ids.get(found[0].toLowerCase()))) continue;
    const id = ids.get(found[0].toLowerCase());
    isDone.add(id);
    const rest = node.splitText(found.index);
    rest.data = rest.data.slice(found[0].length);
    const mark = element("abbr", { class: "term", "data-term": id, tabindex: "0", "aria-describedby": "term-tip" }, found[0]);
    mark.addEventListener("pointerenter", () => show(mark));
    mark.addEventListener("pointerleave", hide);
    mark.addEventListener("focus", () => show(mark));
    mark.addEventListener("blur", hide);
    mark.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    rest.before(mark);
    return;
  }
}
for (const section of document.querySelectorAll("main section:not(#glossary, #learning), header")) {
  const isDone = new Set();
  for (const heading of section.querySelectorAll("h2, h3, th, .counts")) if (!heading.closest("[hidden]")) markFirst(heading, isDone);
}
