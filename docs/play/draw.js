// DRAWING: the density, the plane of both means, and courses against logarithmic time.

// The colours of the style sheet; readColours() where the scheme may have changed.
const inks = {};
function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "ink", "soft", "line", "first", "second", "mode", "accent", "low", "high"])
    inks[name] = style.getPropertyValue(`--${name}`).trim();
}
const colour = (name) => inks[name];

// A canvas at the screen's own resolution: its context, in CSS pixels, and its size.
function surface(canvas) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  return { pen, width, height };
}

const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

// What the density panel shows: along μ* from −half to half, across in proportion.
function viewOf(canvas, half) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = width / (2 * half);
  return {
    x: (a) => width / 2 + a * scale,
    y: (b) => height / 2 - b * scale,
    a: (x) => (x - width / 2) / scale,
    b: (y) => (height / 2 - y) / scale,
  };
}

// The part of each mean across μ*, in the plane of the first one's, from P.
function across(x) {
  const first = Math.sqrt(Math.max(x[2], 0));
  if (first > 1e-6) return [first, x[3] / first];
  return [0, Math.sqrt(Math.max(x[4], 0))];
}

const image = document.createElement("canvas");
function drawDensity(canvas, x, signs, half, r) {
  const { pen, width, height } = surface(canvas);
  const view = viewOf(canvas, half);
  const [columns, rows] = [160, 100];
  [image.width, image.height] = [columns, rows];
  const brush = image.getContext("2d");
  const pixels = brush.createImageData(columns, rows);
  const [low, high] = [channels(colour("low")), channels(colour("high"))];
  const b = across(x).map((one) => one * signs);
  const weights = [logistic(x[5]), logistic(-x[5])];
  const bell = (n, size, back, mean) =>
    Array.from({ length: n }, (_, i) => Math.exp(-0.5 * (back(((i + 0.5) / n) * size) - mean) ** 2));
  const along = [0, 1].map((i) => bell(columns, width, view.a, x[i]));
  const beside = [0, 1].map((i) => bell(rows, height, view.b, b[i]));
  for (let j = 0, k = 0; j < rows; j++) {
    const [u, v] = [weights[0] * beside[0][j], weights[1] * beside[1][j]];
    for (let i = 0; i < columns; i++, k += 4) {
      const part = Math.min(1, Math.sqrt(u * along[0][i] + v * along[1][i])); // √: tails are seen
      for (let c = 0; c < 3; c++) pixels.data[k + c] = low[c] + part * (high[c] - low[c]);
      pixels.data[k + 3] = 255;
    }
  }
  brush.putImageData(pixels, 0, 0);
  pen.drawImage(image, 0, 0, width, height);
  for (const side of [1, -1]) cross(pen, view.x(side * r), view.y(0), colour("mode"));
  ["first", "second"].forEach((name, i) => dot(pen, view.x(x[i]), view.y(b[i]), 4, colour(name)));
}

function cross(pen, x, y, ink) {
  pen.strokeStyle = ink;
  pen.lineWidth = 2.5;
  pen.beginPath();
  for (const s of [1, -1]) {
    pen.moveTo(x - 6, y - 6 * s);
    pen.lineTo(x + 6, y + 6 * s);
  }
  pen.stroke();
}

function dot(pen, x, y, radius, ink, filled = true) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = filled ? ink : colour("paper");
  pen.fill();
  pen.strokeStyle = ink;
  pen.lineWidth = 1.5;
  pen.stroke();
}

function polyline(pen, points, ink, width = 2) {
  pen.strokeStyle = ink;
  pen.lineWidth = width;
  pen.beginPath();
  points.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
}

function drawPlane(canvas, states, now, fixed, half, r) {
  const { pen, width, height } = surface(canvas);
  const edge = 30;
  const at = ([x, y]) => [
    edge + ((x + half) / (2 * half)) * (width - edge - 8),
    height - edge - ((y + half) / (2 * half)) * (height - edge - 8),
  ];
  pen.strokeStyle = colour("line");
  pen.fillStyle = colour("soft");
  pen.lineWidth = 1;
  pen.textAlign = "center";
  [-r, 0, r].forEach((value, k) => {
    const [name] = [["−r", "0", "r"][k]];
    const [x, y] = at([value, value]);
    polyline(pen, [[x, at([0, -half])[1]], [x, at([0, half])[1]]], colour("line"), 1);
    polyline(pen, [[at([-half, 0])[0], y], [at([half, 0])[0], y]], colour("line"), 1);
    pen.fillText(name, x, height - edge + 14);
    pen.fillText(name, edge - 12, y + 4);
  });
  pen.fillText("mean 1 along μ*", width / 2, height - 3);
  pen.save();
  pen.translate(10, height / 2);
  pen.rotate(-Math.PI / 2);
  pen.fillText("mean 2 along μ*", 0, 0);
  pen.restore();
  polyline(pen, states.map((x) => at(x)), colour("accent"));
  for (const point of fixed) dot(pen, ...at(point.x), 5, colour("ink"), point.stable);
  dot(pen, ...at(states[0]), 4, colour("accent"), false);
  dot(pen, ...at(now), 5, colour("accent"));
}

const POWERS = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"];
const power = (k) => (k < 0 ? `10⁻${POWERS[-k]}` : k === 0 ? "1" : k === 1 ? "10" : `10${POWERS[k]}`);

// Curves against log10 of time; `lines` are {values, ink}, `marks` numbers on the left.
function drawCourse(canvas, title, logs, lines, [low, high], marks, now) {
  const { pen, width, height } = surface(canvas);
  const [left, right, top, bottom] = [34, width - 6, 16, height - 16];
  const x = (log) => left + ((log - logs[0]) / (logs.at(-1) - logs[0])) * (right - left);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  pen.fillStyle = colour("soft");
  pen.textAlign = "center";
  for (let k = Math.ceil(logs[0]); k <= logs.at(-1); k++) {
    polyline(pen, [[x(k), top], [x(k), bottom]], colour("line"), 1);
    pen.fillText(power(k), Math.min(x(k), width - 10), height - 3);
  }
  pen.textAlign = "right";
  for (const [value, name] of marks) {
    polyline(pen, [[left, y(value)], [right, y(value)]], colour("line"), 1);
    pen.fillText(name, left - 4, y(value) + 4);
  }
  pen.textAlign = "left";
  pen.fillStyle = colour("ink");
  pen.fillText(title, left, 11);
  for (const { values, ink } of lines)
    polyline(pen, values.map((value, k) => [x(logs[k]), y(Math.min(Math.max(value, low), high))]), ink);
  polyline(pen, [[x(now), top], [x(now), bottom]], colour("soft"), 1);
}
