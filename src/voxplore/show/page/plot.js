// Any column over any other: the cells of the page, known cells as a grey cloud, and the lines of theory.

const SVG = "http://www.w3.org/2000/svg", NARROW = window.innerWidth <= 620;
const WIDE = NARROW ? 400 : 760, HIGH = NARROW ? 360 : 400, LEFT = 74, BELOW = 52;

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function numeric(column) {
  return column.values.some((value) => typeof value === "number");
}

function withUnit(name) {
  const column = columnOf(name);
  return column.unit ? `${name} (${column.unit})` : name;
}

// A scale of one axis: from values to pixels, and its ticks; logarithmic where asked for and all is above zero.
function scaleOf(values, from, to, logarithmic) {
  const usable = logarithmic ? values.filter((v) => v > 0) : values;
  let low = Math.min(...usable), high = Math.max(...usable);
  if (!usable.length) { low = 0; high = 1; }
  if (logarithmic && usable.length) {
    const [a, b] = [Math.log10(low) - 0.04, Math.log10(high) + 0.04 + (low === high ? 0.5 : 0)];
    const ticks = [];
    for (let power = Math.floor(a); power <= b; power++) {
      for (const k of b - a > 2.5 ? [1] : b - a > 1.2 ? [1, 3] : [1, 2, 3, 5, 7]) {
        const value = k * 10 ** power;
        if (Math.log10(value) >= a && Math.log10(value) <= b) ticks.push(value);
      }
    }
    return { at: (v) => (v > 0 ? from + ((Math.log10(v) - a) / (b - a)) * (to - from) : null), ticks };
  }
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  low -= room; high += room;
  const rough = (high - low) / 6, unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * (rough / unit > 5 ? 10 : rough / unit > 2 ? 5 : rough / unit > 1 ? 2 : 1);
  const ticks = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) ticks.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return { at: (v) => from + ((v - low) / (high - low)) * (to - from), ticks };
}

function plotCells() {
  if (!data.plot) return;
  const [across, up] = [$("across").value, $("up").value];
  const [x, y] = [columnOf(across).values, columnOf(up).values];
  const [greyX, greyY] = [data.plot.cloud[across] || [], data.plot.cloud[up] || []];
  const theory = across === data.plot.across && up === data.plot.up ? data.plot.lines : [];
  const number = (v) => typeof v === "number", log = $("logarithmic").checked;
  const scaleX = scaleOf([...x, ...greyX].filter(number), LEFT, WIDE - 14, log);
  // As far up as the lines go above what is shown.
  const within = [...x, ...greyX].filter(number), [low, high] = [Math.min(...within), Math.max(...within)];
  const limits = theory.flatMap((line) => line.up.filter((_, i) => line.across[i] >= low && line.across[i] <= high));
  const scaleY = scaleOf([...y, ...greyY, ...limits].filter(number), HIGH - BELOW, 12, log);
  const box = $("plot");
  box.replaceChildren();
  axesOf(box, scaleX, scaleY, withUnit(across), withUnit(up));
  const spot = (a, b) => (number(a) && number(b) && scaleX.at(a) !== null && scaleY.at(b) !== null ? [scaleX.at(a), scaleY.at(b)] : null);
  greyX.forEach((value, i) => {
    const place = spot(value, greyY[i]);
    if (place) box.append(shape("circle", { cx: place[0], cy: place[1], r: 2, class: "known" }));
  });
  theory.forEach((line, k) => {
    const inside = ([a, b]) => a >= LEFT && a <= WIDE - 14 && b >= 12 && b <= HIGH - BELOW;
    const places = line.across.map((value, i) => spot(value, line.up[i])).filter((place) => place && inside(place));
    if (!places.length) return;
    box.append(shape("polyline", { points: places.map((place) => place.join()).join(" "), class: `theory theory${k}` }));
  });
  $("key").replaceChildren(
    element("span", "cells of this page", { className: "own" }),
    ...(greyX.length && greyY.length ? [element("span", "known cells", { className: "grey" })] : []),
    ...theory.map((line, k) => element("span", line.name, { className: `line${k}` })),
  );
  const order = [...data.names.keys()].sort((a, b) => shown.includes(a) - shown.includes(b));
  for (const i of order) {
    const place = spot(x[i], y[i]);
    if (!place) continue;
    const point = shape("circle", { cx: place[0], cy: place[1], r: chosen.has(i) ? 8 : 5.5, tabindex: 0, role: "button", "data-cell": i,
      class: "point" + (chosen.has(i) ? " chosen" : "") + (shown.includes(i) ? "" : " out"), "aria-label": data.names[i] });
    point.append(shape("title", {}, `${data.names[i]}\n${across} ${told(columnOf(across), i)}\n${up} ${told(columnOf(up), i)}`));
    point.addEventListener("click", () => open(i));
    point.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(i); } });
    box.append(point);
  }
}

function axesOf(box, scaleX, scaleY, across, up) {
  const floor = HIGH - BELOW, tick = (v) => String(Number(v.toPrecision(3)));
  for (const value of scaleX.ticks) {
    const at = scaleX.at(value);
    box.append(shape("line", { x1: at, x2: at, y1: 12, y2: floor, class: "rule" }), shape("text", { x: at, y: floor + 18, "text-anchor": "middle" }, tick(value)));
  }
  for (const value of scaleY.ticks) {
    const at = scaleY.at(value);
    box.append(shape("line", { x1: LEFT, x2: WIDE - 14, y1: at, y2: at, class: "rule" }), shape("text", { x: LEFT - 8, y: at + 4, "text-anchor": "end" }, tick(value)));
  }
  box.append(shape("text", { x: (LEFT + WIDE) / 2, y: HIGH - 8, "text-anchor": "middle", class: "name" }, across));
  box.append(shape("text", { x: 0, y: 0, transform: `translate(14 ${floor / 2}) rotate(-90)`, "text-anchor": "middle", class: "name" }, up));
}

function beginPlot() {
  $("plotting").hidden = !data.plot;
  if (!data.plot) return;
  const names = data.columns.filter(numeric).map((column) => column.name);
  for (const id of ["across", "up"]) {
    options($(id), names);
    $(id).value = data.plot[id];
    $(id).addEventListener("change", plotCells);
  }
  $("logarithmic").addEventListener("change", plotCells);
  $("plot").setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
}
