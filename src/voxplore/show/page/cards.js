// The grid of cells: sorting, filtering, small pictures.

let renderer = null, ascending = false, shown = [], opened = -1, filters = [];
const view = { ...START, tile: 1, axis: -1, slice: 0.5 };
const cards = [], drawn = new Set(), waiting = new Set();
const NEAREST = data.nearest;

function element(name, text, properties) {
  const made = Object.assign(document.createElement(name), properties || {});
  if (text !== undefined) made.textContent = text;
  return made;
}

function written(value) {
  if (value === null) return "–";
  return typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
}

function columnOf(name) {
  return data.columns.find((column) => column.name === name);
}

function options(select, names) {
  select.replaceChildren(...names.map((name) => element("option", name, { value: name })));
}

function makeCards() {
  data.names.forEach((name, i) => {
    const button = element("button", undefined, { type: "button", className: "card" });
    const canvas = element("canvas", undefined, { width: 320, height: 320 });
    canvas.setAttribute("aria-hidden", "true");
    const brief = element("span", undefined, { className: "brief" });
    for (const [short, column] of data.brief) {
      const of = columnOf(column), value = of.values[i], unit = of.unit ? "\u00a0" + of.unit : "";
      const text = value === null ? "–" : String(Number(value.toPrecision(2))) + unit;
      brief.append(element("span", short + "\u00a0" + text), " ");
    }
    button.append(canvas, element("span", name), brief, element("span", "", { className: "value" }));
    button.addEventListener("click", () => open(i));
    const item = element("li"), more = element("details"), choice = element("label", undefined, { className: "choice" });
    const box = element("input", undefined, { type: "checkbox" });
    box.dataset.choose = i;
    box.addEventListener("change", () => choose(i, box.checked));
    choice.append(box, element("span", "choose"));
    more.append(element("summary", "all properties"));
    more.addEventListener("toggle", () => { if (more.open && !more.querySelector("dl")) more.append(listOf(i)); });
    const verdict = columnOf("verdict"), told = verdict && element("span", String(verdict.values[i]), { className: "verdict" });
    if (told && verdict.values[i] !== "of use") told.classList.add("against");
    item.append(button, ...(told ? [told] : []), choice, more);
    item.dataset.cell = i;
    cards.push(item);
  });
}

function listOf(i) {
  const list = element("dl");
  list.append(...data.columns.map((column) => {
    const row = element("div");
    row.append(element("dt", column.name), element("dd", told(column, i), { className: typeof column.values[i] === "number" ? "number" : "" }));
    return row;
  }));
  return list;
}

function passes(i) {
  return filters.every(({ column, kind, value }) => {
    if (value === "") return true;
    const own = column === "name" ? data.names[i] : columnOf(column).values[i];
    if (kind === "contains") return written(own).toLowerCase().includes(value.toLowerCase());
    if (own === null || typeof own !== "number") return false;
    if (kind === "between") {
      const [low, high] = value.split(/\s*(?:\.\.|to|;|\s)\s*/).map(Number);
      return own >= low && (Number.isNaN(high) || high === undefined || own <= high);
    }
    return kind === "at least" ? own >= Number(value) : own <= Number(value);
  });
}

function arrange() {
  const by = $("sort").value, column = columnOf(by);
  shown = data.names.map((_, i) => i).filter(passes);
  if (column) {
    const sign = ascending ? 1 : -1, key = (i) => column.values[i];
    shown.sort((a, b) => (key(a) === null) - (key(b) === null) || sign * (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0) || a - b);
  } else if (!ascending) shown.reverse();
  $("direction").textContent = ascending ? "lowest first" : "highest first";
  $("direction").setAttribute("aria-label", "Order: " + $("direction").textContent);
  for (const i of shown) cards[i].querySelector(".value").textContent = column ? by + " " + told(column, i) : "";
  $("grid").replaceChildren(...shown.map((i) => cards[i]));
  plotCells();
  $("count").textContent = shown.length === count ? `${count} unit cells of ${d}×${d}×${d} voxels` : `${shown.length} of ${count} unit cells`;
}

function addFilter() {
  const filter = { column: data.columns.length ? data.columns[0].name : "name", kind: "at least", value: "" };
  const row = element("span", undefined, { className: "group" });
  const column = element("select"), kind = element("select"), value = element("input", undefined, { type: "search" });
  const remove = element("button", "×", { type: "button" });
  column.setAttribute("aria-label", "Filter by");
  kind.setAttribute("aria-label", "Condition");
  value.setAttribute("aria-label", "Value");
  remove.setAttribute("aria-label", "Remove this filter");
  options(column, [...data.columns.map((c) => c.name), "name"]);
  function kinds() {
    const numeric = columnOf(column.value) && columnOf(column.value).values.some((v) => typeof v === "number");
    options(kind, numeric ? ["at least", "at most", "between"] : ["contains"]);
  }
  function change() {
    value.placeholder = kind.value === "between" ? "0.1 to 0.3" : "";
    Object.assign(filter, { column: column.value, kind: kind.value, value: value.value.trim() });
    arrange();
  }
  kinds();
  column.addEventListener("change", () => { kinds(); change(); });
  kind.addEventListener("change", change);
  value.addEventListener("input", change);
  remove.addEventListener("click", () => { filters = filters.filter((f) => f !== filter); row.remove(); arrange(); $("add").focus(); });
  row.append(column, kind, value, remove);
  filters.push(filter);
  $("filters").append(row);
  change();
  column.focus();
}

// Pictures of the cards: those on the screen first, a few in each frame.
function drawCards() {
  const until = performance.now() + 24;
  for (const i of waiting) {
    waiting.delete(i);
    renderer.draw(cards[i].querySelector("canvas"), i, { ...START, tile: 1, axis: -1 }, 1);
    drawn.add(i);
    if (drawn.size === 1) document.documentElement.dataset.firstPicture = Math.round(performance.now());
    if (performance.now() > until) break;
  }
  document.documentElement.dataset.drawn = drawn.size;
  if (waiting.size) requestAnimationFrame(drawCards);
}

function watchCards() {
  const watcher = new IntersectionObserver((entries) => {
    const idle = !waiting.size;
    for (const { isIntersecting, target } of entries) {
      const i = Number(target.dataset.cell);
      if (isIntersecting && !drawn.has(i)) waiting.add(i);
      else waiting.delete(i);
    }
    if (idle && waiting.size) requestAnimationFrame(drawCards);
  }, { rootMargin: "200px" });
  cards.forEach((card) => watcher.observe(card));
}
