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

// The volumes of the page, unpacked, smoothed and measured.

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
