// A volume as a closed mesh: marching tetrahedra, and the STL file.

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
