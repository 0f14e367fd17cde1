// The cell that is open: turning, tiling, slicing, downloading; and the beginning of it all.

function fit(canvas, share) {
  const pixels = Math.round(Math.min(canvas.clientWidth || 400, 800) * Math.min(window.devicePixelRatio || 1, 2) * share);
  if (canvas.width !== Math.max(64, pixels)) canvas.width = canvas.height = Math.max(64, pixels);
}

// While the view moves, slow machines draw fewer pixels; the still picture is drawn in full.
let pending = 0, settle = 0, share = 1;
function redraw() {
  if (!renderer) return;
  document.documentElement.dataset.still = "no";
  if (pending) return;
  pending = requestAnimationFrame(() => {
    pending = 0;
    const took = drawDetail(share, 1);
    if (took > 60) share = Math.max(0.35, share * 0.75);
    else if (took < 20) share = Math.min(1, share * 1.1);
    const still = took / (share * share);
    clearTimeout(settle);
    settle = setTimeout(() => {
      drawDetail(1, still > 250 ? 1 : 2);
      document.documentElement.dataset.still = "yes";
    }, 180);
  });
}

function drawDetail(share, samples) {
  if (opened < 0) return 0;
  const before = performance.now();
  fit($("view"), share);
  renderer.draw($("view"), opened, { ...view, turning: true }, samples);
  drawRule($("view"));
  if (NEAREST) {
    fit($("nearest-view"), share);
    renderer.draw($("nearest-view"), NEAREST.volume[opened], { ...view, turning: true }, samples);
  }
  renderer.finish();
  return performance.now() - before;
}

function open(i) {
  opened = i;
  $("name").textContent = data.names[i];
  $("view-name").textContent = data.names[i];
  $("view").setAttribute("aria-label", "Unit cell " + data.names[i]);
  $("nearest").hidden = !NEAREST;
  if (NEAREST) {
    $("nearest-name").textContent = "nearest training cell: " + NEAREST.names[i];
    $("nearest-view").setAttribute("aria-label", "Nearest training cell " + NEAREST.names[i]);
  }
  $("values").replaceChildren(...listOf(i).childNodes);
  $("view-choose").checked = chosen.has(i);
  $("view-choose").dataset.choose = i;
  if (!$("detail").open) $("detail").showModal();
  $("view").focus();
  redraw();
}

function step(by) {
  if (!shown.length) return;
  const at = shown.indexOf(opened);
  open(shown[(at + by + shown.length) % shown.length]);
}

function turn(right, up) {
  view.azimuth -= right;
  view.elevation = Math.max(-89, Math.min(89, view.elevation + up));
  redraw();
}

function zoom(factor) {
  view.zoom = Math.max(0.5, Math.min(8, view.zoom * factor));
  redraw();
}

function setTile(tile) {
  view.tile = tile;
  for (const button of document.querySelectorAll("[data-tile]")) button.setAttribute("aria-pressed", String(Number(button.dataset.tile) === tile));
  redraw();
}

// The directions of the axes, and a bar of a round length in millimetres.
function drawRule(canvas) {
  const pen = canvas.getContext("2d"), pixels = canvas.width, unit = pixels / 480;
  const cell = (pixels * view.zoom) / (1.5 * view.tile * 1.16), edge = Number($("size").value) || data.size;
  const a = (view.azimuth * Math.PI) / 180, e = (view.elevation * Math.PI) / 180;
  const right = [-Math.sin(a), Math.cos(a), 0], up = [-Math.cos(a) * Math.sin(e), -Math.sin(a) * Math.sin(e), Math.cos(e)];
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink");
  pen.save();
  Object.assign(pen, { strokeStyle: ink, fillStyle: ink, lineWidth: 1.6 * unit, font: `${13 * unit}px system-ui, sans-serif`, textAlign: "center", textBaseline: "middle" });
  const [x, y, long] = [40 * unit, pixels - 40 * unit, 24 * unit];
  "xyz".split("").forEach((name, axis) => {
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(x + right[axis] * long, y - up[axis] * long);
    pen.stroke();
    pen.fillText(name, x + right[axis] * long * 1.4, y - up[axis] * long * 1.4);
  });
  const rough = (edge * 110 * unit) / cell, power = 10 ** Math.floor(Math.log10(rough));
  const length = power * (rough / power >= 5 ? 5 : rough / power >= 2 ? 2 : 1), wide = (length / edge) * cell;
  const [end, base] = [pixels - 18 * unit, pixels - 18 * unit];
  pen.beginPath();
  for (const [p, q] of [[end - wide, -5], [end - wide, 5], [end - wide, 0], [end, 0], [end, -5], [end, 5]]) pen.lineTo(p, base + q * unit);
  pen.stroke();
  pen.fillText(`${Number(length.toPrecision(2))} mm`, end - wide / 2, base - 12 * unit);
  pen.restore();
}

function download() {
  const edge = Number($("size").value);
  if (!(edge > 0)) { $("size").focus(); return; }
  save(stlOf(opened, edge), fileName(data.names[opened]) + ".stl", "model/stl");
}

function listen() {
  $("sort").addEventListener("change", arrange);
  $("direction").addEventListener("click", () => { ascending = !ascending; arrange(); });
  $("add").addEventListener("click", addFilter);
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => $("detail").close());
  $("detail").addEventListener("close", () => {
    const last = opened;
    opened = -1;
    if (cards[last] && cards[last].isConnected) cards[last].querySelector("button").focus();
  });
  $("reset").addEventListener("click", () => { Object.assign(view, START); redraw(); });
  $("download").addEventListener("click", download);
  $("size").addEventListener("input", redraw);
  $("axis").addEventListener("change", () => { view.axis = Number($("axis").value); $("slice").disabled = view.axis < 0; redraw(); });
  $("slice").addEventListener("input", () => { view.slice = Number($("slice").value); redraw(); });
  for (const button of document.querySelectorAll("[data-tile]")) button.addEventListener("click", () => setTile(Number(button.dataset.tile)));
  for (const canvas of [$("view"), $("nearest-view")]) {
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => { if (event.buttons) turn(event.movementX * 0.5, event.movementY * 0.5); });
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 500)); }, { passive: false });
  }
  const turns = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, 8], ArrowDown: [0, -8] };
  $("view").addEventListener("keydown", (event) => {
    if (turns[event.key]) turn(...turns[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(1.15);
    else if (event.key === "-") zoom(1 / 1.15);
    else return;
    event.preventDefault();
  });
  $("detail").addEventListener("keydown", (event) => {
    if (event.key !== "PageUp" && event.key !== "PageDown") return;
    step(event.key === "PageUp" ? -1 : 1);
    event.preventDefault();
  });
  window.addEventListener("resize", redraw);
}

async function begin() {
  options($("sort"), ["order of the file", ...data.columns.map((column) => column.name)]);
  ascending = true;
  if (data.sort) { $("sort").value = data.sort; ascending = false; }
  $("size").value = data.size;
  makeCards();
  listen();
  beginPlot();
  beginChoice();
  setTile(1);
  arrange();
  try {
    await unpackAll();
    renderer = new Renderer();
    watchCards();
  } catch (error) {
    fail(error.message);
    for (const canvas of document.querySelectorAll("canvas")) canvas.hidden = true;
  }
  document.documentElement.dataset.ready = Math.round(performance.now() - started);
}

begin();
