"use strict";
// Unit cells as bit-packed volumes, ray-marched by WebGL2. One WebGL canvas draws everything; each picture on the page
// is a copy of it, because browsers allow only a few WebGL contexts at a time.

const started = performance.now();
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const d = data.resolution, count = data.names.length;
const START = { azimuth: -58, elevation: 26, zoom: 1 };
const JUMP = 8; // longest jump of a ray through empty space, in voxels

function fail(message) {
  $("trouble").textContent = message;
  $("trouble").hidden = false;
}

// ---- volumes ------------------------------------------------------------------------------------------------------

let packed = null; // Uint8Array of all volumes, np.packbits order: x slowest, z fastest, first voxel in the top bit

async function unpackAll() {
  if (typeof DecompressionStream === "undefined") throw new Error("This browser cannot decompress (DecompressionStream is missing).");
  const bytes = Uint8Array.from(atob(data.volumes), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  packed = new Uint8Array(await new Response(stream).arrayBuffer());
}

function voxels(volume) {
  const n = d * d * d, start = volume * Math.ceil(n / 8), out = new Uint8Array(n);
  for (let i = 0; i < n; i++) out[i] = (packed[start + (i >> 3)] >> (7 - (i & 7))) & 1;
  return out;
}

// Apply along(line of d values) to every line of the volume in the three axes.
function eachLine(values, along) {
  const line = new Float32Array(d);
  for (const stride of [1, d, d * d]) {
    for (let first = 0; first < d * d; first++) {
      const base = stride === 1 ? first * d : stride === d ? Math.floor(first / d) * d * d + (first % d) : first;
      for (let i = 0; i < d; i++) line[i] = values[base + i * stride];
      along(line, base, stride);
    }
  }
}

// A smooth field that is above 0.5 exactly at the solid voxels, so that nothing is added and nothing hidden.
function surfaceField(solid) {
  const field = Float32Array.from(solid);
  const kernel = [0.0219, 0.2285, 0.4992, 0.2285, 0.0219]; // a Gaussian of 0.8 voxels
  eachLine(field, (line, base, stride) => {
    for (let i = 0; i < d; i++) {
      let sum = 0;
      for (let k = -2; k <= 2; k++) sum += kernel[k + 2] * line[(i + k + 2 * d) % d];
      field[base + i * stride] = sum;
    }
  });
  for (let i = 0; i < field.length; i++) {
    const own = solid[i] ? field[i] : 1 - field[i];
    const least = 0.57 + 0.43 * Math.min(1, Math.max(0, (0.4 - own) / 0.25));
    field[i] = solid[i] ? Math.max(own, least) : 1 - Math.max(own, least);
  }
  return field;
}

// Chessboard distance to the solid, periodic, up to JUMP voxels: grown one voxel at a time.
function freeDistance(solid) {
  const distance = new Uint8Array(solid.length).fill(JUMP);
  let grown = Uint8Array.from(solid);
  for (let step = 0; step < JUMP; step++) {
    for (let i = 0; i < grown.length; i++) if (grown[i] && distance[i] === JUMP) distance[i] = step;
    if (step < JUMP - 1) {
      eachLine(grown, (line, base, stride) => {
        for (let i = 0; i < d; i++) grown[base + i * stride] = line[i] || line[(i + 1) % d] || line[(i + d - 1) % d] ? 1 : 0;
      });
    }
  }
  return distance;
}

// ---- drawing ------------------------------------------------------------------------------------------------------

const VERTEX = `#version 300 es
void main() { gl_Position = vec4(gl_VertexID == 1 ? 3. : -1., gl_VertexID == 2 ? 3. : -1., 0., 1.); }`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler3D;
uniform sampler3D cell;      // r: field, solid above one half; g: free distance in voxels / 255
uniform mat3 axes;           // columns: right, up, towards the viewer
uniform vec3 high, middle;   // far corner of the drawn box, and its turning point, in cell edges
uniform float d, scale;      // voxels per edge; cell edges per pixel
uniform vec2 size;
uniform int samples;
out vec4 colour;
const vec3 SURFACE = vec3(.13, .33, .60), CUT = vec3(.95, .58, .24);

vec2 look(vec3 p) { return texture(cell, p.zyx).rg * vec2(1., 255.); }
bool inside(vec3 p) { return all(greaterThan(p, vec3(0.))) && all(lessThan(p, high)); }

float lamp(vec3 p, vec3 to) {
  float light = 1., t = 1.2 / d;
  for (int i = 0; i < 48; i++) {
    vec3 q = p + to * t;
    if (!inside(q)) break;
    vec2 s = look(q);
    light = min(light, clamp((.62 - s.r) * 5., 0., 1.));
    if (light <= 0.) break;
    t += max(s.g - 1.5, .6) / d;
  }
  return light;
}

float sky(vec3 p, vec3 n) {
  float closed = 0., weight = .5;
  for (int i = 0; i < 5; i++) {
    float h = 1.2 + float(i * i) * .8;
    vec3 q = p + n * h / d;
    float free = inside(q) ? min(look(q).g, h) : h;
    closed += weight * (h - free) / h;
    weight *= .75;
  }
  return clamp(1. - .62 * closed, 0., 1.);
}

vec4 trace(vec2 pixel) {
  vec2 at = (pixel - .5 * size) * scale;
  vec3 toward = axes[2], start = middle + axes[0] * at.x + axes[1] * at.y + toward * 8.;
  vec3 a = start / toward, b = (start - high) / toward;   // distances to the faces, along the ray
  vec3 first = min(a, b), last = max(a, b);
  float t = max(first.x, max(first.y, first.z)), end = min(last.x, min(last.y, last.z));
  if (t >= end) return vec4(0.);
  float entry = t, before = t;
  bool met = false;
  t += 1e-4;
  for (int i = 0; i < 700 && t < end; i++) {
    vec2 s = look(start - toward * t);
    if (s.r > .5) { met = true; break; }
    before = t;
    t += max(s.g - 1.5, .35) / d;
  }
  if (!met) return vec4(0.);
  bool cut = t < entry + 2e-4;
  for (int i = 0; i < 5 && !cut; i++) {
    float m = .5 * (t + before);
    if (look(start - toward * m).r > .5) t = m; else before = m;
  }
  vec3 p = start - toward * t, n;
  if (cut) {
    vec3 far = abs(first - vec3(entry));
    n = sign(toward) * (far.x < far.y && far.x < far.z ? vec3(1., 0., 0.) : far.y < far.z ? vec3(0., 1., 0.) : vec3(0., 0., 1.));
  } else {
    vec3 e = vec3(1.7 / d, 0., 0.);
    n = vec3(look(p - e.xyy).r - look(p + e.xyy).r, look(p - e.yxy).r - look(p + e.yxy).r, look(p - e.yyx).r - look(p + e.yyx).r);
    vec3 w = e * .5;
    n += vec3(look(p - w.xyy).r - look(p + w.xyy).r, look(p - w.yxy).r - look(p + w.yxy).r, look(p - w.yyx).r - look(p + w.yyx).r);
    n /= max(length(n), 1e-5);
  }
  vec3 key = axes * normalize(vec3(-.55, .85, .62));
  float seen = dot(n, key) > 0. ? lamp(p + n * .8 / d, key) : 0.;
  float open = sky(p, n), upward = .72 + .28 * n.z;
  float shine = cut ? 0. : pow(max(dot(n, normalize(key + toward)), 0.), 40.) * seen;
  vec3 light = max(dot(n, key), 0.) * seen * vec3(1.05, .98, .88) + open * upward * vec3(.28, .32, .38);
  float depth = clamp(dot(p, toward) / dot(abs(toward), high), 0., 1.);
  return vec4((cut ? CUT : SURFACE) * light * (.8 + .2 * depth) + .10 * shine, 1.);
}

void main() {
  vec4 sum = vec4(0.);
  for (int i = 0; i < samples * samples; i++) {
    vec2 part = (vec2(i % samples, i / samples) + .5) / float(samples) - .5;
    sum += trace(gl_FragCoord.xy + part);
  }
  sum /= float(samples * samples);
  float cover = max(sum.a, 1e-4);
  colour = vec4(pow(sum.rgb / cover, vec3(1. / 2.2)) * sum.a, sum.a);
}`;

class Renderer {
  constructor() {
    this.canvas = document.createElement("canvas");
    const gl = this.canvas.getContext("webgl2", { premultipliedAlpha: true, preserveDrawingBuffer: true, antialias: false });
    if (!gl) throw new Error("This browser has no WebGL2, so the unit cells cannot be drawn here. Names, values, sorting, filters and STL downloads work all the same.");
    this.gl = gl;
    this.textures = new Map(); // volume -> texture, the least recently used first
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error("The WebGL2 shader does not compile here: " + gl.getShaderInfoLog(shader));
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    this.at = (name) => gl.getUniformLocation(program, name);
  }

  texture(volume) {
    const gl = this.gl;
    let texture = this.textures.get(volume);
    this.textures.delete(volume);
    if (!texture) {
      const solid = voxels(volume), field = surfaceField(solid), distance = freeDistance(solid);
      const both = new Uint8Array(2 * field.length);
      for (let i = 0; i < field.length; i++) {
        both[2 * i] = Math.round(field[i] * 255);
        both[2 * i + 1] = distance[i];
      }
      texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_3D, texture);
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      gl.texImage3D(gl.TEXTURE_3D, 0, gl.RG8, d, d, d, 0, gl.RG, gl.UNSIGNED_BYTE, both);
      for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_3D, name, gl.LINEAR);
      for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) gl.texParameteri(gl.TEXTURE_3D, name, gl.REPEAT);
      if (this.textures.size > 96) {
        const [oldest, old] = this.textures.entries().next().value;
        gl.deleteTexture(old);
        this.textures.delete(oldest);
      }
    }
    this.textures.set(volume, texture);
    return texture;
  }

  // Waits until the last picture is there, so that its time can be taken.
  finish() {
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  draw(target, volume, view, samples) {
    const gl = this.gl, pixels = target.width;
    if (this.canvas.width !== pixels) this.canvas.width = this.canvas.height = pixels;
    gl.viewport(0, 0, pixels, pixels);
    gl.bindTexture(gl.TEXTURE_3D, this.texture(volume));
    const a = (view.azimuth * Math.PI) / 180, e = (view.elevation * Math.PI) / 180;
    const toward = [Math.cos(a) * Math.cos(e), Math.sin(a) * Math.cos(e), Math.sin(e)].map((x) => (Math.abs(x) < 1e-4 ? 1e-4 : x));
    const right = [-Math.sin(a), Math.cos(a), 0];
    const up = [-Math.cos(a) * Math.sin(e), -Math.sin(a) * Math.sin(e), Math.cos(e)];
    const tile = view.tile || 1, high = [tile, tile, tile];
    if (view.axis >= 0) high[view.axis] *= view.slice;
    gl.uniformMatrix3fv(this.at("axes"), false, [...right, ...up, ...toward]);
    gl.uniform3fv(this.at("high"), high);
    gl.uniform3fv(this.at("middle"), [tile / 2, tile / 2, tile / 2]);
    gl.uniform1f(this.at("d"), d);
    gl.uniform1f(this.at("scale"), ((1.5 * tile) / pixels / view.zoom) * (view.turning ? 1.16 : 1));
    gl.uniform2f(this.at("size"), pixels, pixels);
    gl.uniform1i(this.at("samples"), samples);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    const pen = target.getContext("2d");
    pen.clearRect(0, 0, pixels, pixels);
    pen.drawImage(this.canvas, 0, 0);
  }
}

// ---- STL: marching tetrahedra --------------------------------------------------------------------------------------

// Samples along an axis: outside, on the wall, at every voxel centre, on the other wall, outside. Outside and wall lie
// in the same plane, so the cut faces are flat and two neighbouring cells have the same outline on their common face.
function padded(field) {
  const m = d + 4, wide = new Float32Array(m * m * m).fill(-1e9);
  const from = (i) => (i < 2 || i > d + 1 ? [0, d - 1] : [i - 2, i - 2]);
  for (let i = 1; i < m - 1; i++) for (let j = 1; j < m - 1; j++) for (let k = 1; k < m - 1; k++) {
    let sum = 0;
    for (const x of from(i)) for (const y of from(j)) for (const z of from(k)) sum += field[(x * d + y) * d + z];
    wide[(i * m + j) * m + k] = sum / 8;
  }
  return wide;
}

function triangles(wide, level) {
  const m = d + 4, place = (i) => (i < 2 ? 0 : i > d + 1 ? d : i - 1.5);
  const points = [], faces = [], known = new Map();
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((c) => (((c >> 2) & 1) * m + ((c >> 1) & 1)) * m + (c & 1));
  const tetrahedra = [[0, 4, 6, 7], [0, 6, 2, 7], [0, 2, 3, 7], [0, 3, 1, 7], [0, 1, 5, 7], [0, 5, 4, 7]];
  function vertex(solid, empty) {
    const outside = wide[empty] < -1e8;
    const key = outside ? -1 - solid : solid < empty ? solid * m * m * m + empty : empty * m * m * m + solid;
    let index = known.get(key);
    if (index === undefined) {
      const share = outside ? 0 : (wide[solid] - level) / (wide[solid] - wide[empty]);
      for (const divisor of [m * m, m, 1]) {
        const a = place(Math.floor(solid / divisor) % m), b = place(Math.floor(empty / divisor) % m);
        points.push(a + share * (b - a));
      }
      index = points.length / 3 - 1;
      known.set(key, index);
    }
    return index;
  }
  function face(a, b, c) {
    if (a !== b && b !== c && c !== a) faces.push(a, b, c);
  }
  for (let i = 0; i < m - 1; i++) for (let j = 0; j < m - 1; j++) for (let k = 0; k < m - 1; k++) {
    const base = (i * m + j) * m + k;
    let solids = 0;
    for (const c of corners) solids += wide[base + c] > level;
    if (solids === 0 || solids === 8) continue;
    for (const four of tetrahedra) {
      const inn = [], out = [];
      four.forEach((c, position) => (wide[base + corners[c]] > level ? inn : out).push(position));
      if (!inn.length || !out.length) continue;
      const at = (position) => base + corners[four[position]];
      const order = [...inn, ...out]; // an odd order of the corners turns the triangle over
      let odd = false;
      for (let p = 0; p < 4; p++) for (let q = p + 1; q < 4; q++) if (order[p] > order[q]) odd = !odd;
      const put = (a, b, c) => (odd ? face(a, c, b) : face(a, b, c));
      const [p, q, r, s] = order.map(at);
      if (inn.length === 1) put(vertex(p, q), vertex(p, r), vertex(p, s));
      else if (inn.length === 3) put(vertex(p, s), vertex(q, s), vertex(r, s));
      else {
        const [pr, ps, qr, qs] = [vertex(p, r), vertex(p, s), vertex(q, r), vertex(q, s)];
        put(pr, ps, qr);
        put(ps, qs, qr);
      }
    }
  }
  return { points, faces };
}

function volumeOf({ points, faces }) {
  let six = 0;
  for (let f = 0; f < faces.length; f += 3) {
    const [a, b, c] = [3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2]];
    six += points[a] * (points[b + 1] * points[c + 2] - points[b + 2] * points[c + 1])
      + points[a + 1] * (points[b + 2] * points[c] - points[b] * points[c + 2])
      + points[a + 2] * (points[b] * points[c + 1] - points[b + 1] * points[c]);
  }
  return six / 6;
}

// The level of the field is moved until the mesh holds the volume of the voxels.
function meshOf(volume) {
  const solid = voxels(volume), wide = padded(surfaceField(solid));
  const wanted = solid.reduce((a, b) => a + b, 0);
  let low = 0.3, high = 0.7, mesh = null;
  for (let i = 0; i < 9; i++) {
    const level = i ? (low + high) / 2 : 0.5003;
    mesh = triangles(wide, level);
    const found = volumeOf(mesh);
    if (Math.abs(found - wanted) < 0.003 * wanted) break;
    if (found > wanted) low = level; else high = level;
  }
  return mesh;
}

function stlOf(volume, edge) {
  const { points, faces } = meshOf(volume), scale = edge / d;
  const out = new DataView(new ArrayBuffer(84 + (50 * faces.length) / 3));
  out.setUint32(80, faces.length / 3, true);
  for (let f = 0, at = 84; f < faces.length; f += 3, at += 50) {
    for (let corner = 0; corner < 3; corner++) for (let axis = 0; axis < 3; axis++) {
      out.setFloat32(at + 12 + 12 * corner + 4 * axis, points[3 * faces[f + corner] + axis] * scale, true);
    }
  }
  return out.buffer;
}

// ---- the page -----------------------------------------------------------------------------------------------------

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
    button.append(canvas, element("span", name), element("span", "", { className: "value" }));
    button.addEventListener("click", () => open(i));
    const item = element("li");
    item.append(button);
    item.dataset.cell = i;
    cards.push(item);
  });
}

function passes(i) {
  return filters.every(({ column, kind, value }) => {
    if (value === "") return true;
    const own = column === "name" ? data.names[i] : columnOf(column).values[i];
    if (kind === "contains") return written(own).toLowerCase().includes(value.toLowerCase());
    if (own === null || typeof own !== "number") return false;
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
  for (const i of shown) cards[i].querySelector(".value").textContent = column ? by + " " + written(column.values[i]) : "";
  $("grid").replaceChildren(...shown.map((i) => cards[i]));
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
    options(kind, numeric ? ["at least", "at most"] : ["contains"]);
  }
  function change() {
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
  $("values").replaceChildren(...data.columns.map((column) => {
    const row = element("div");
    row.append(element("dt", column.name), element("dd", written(column.values[i])));
    return row;
  }));
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

function download() {
  const edge = Number($("size").value);
  if (!(edge > 0)) { $("size").focus(); return; }
  const link = element("a", undefined, { download: data.names[opened].replace(/[^\w.-]+/g, "_").slice(0, 80) + ".stl" });
  link.href = URL.createObjectURL(new Blob([stlOf(opened, edge)], { type: "model/stl" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
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
  makeCards();
  listen();
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
