// Drawing one volume into one canvas.

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
