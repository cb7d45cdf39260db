// The page: its settings, what they come to, and what is shown of it.

const byId = (id) => document.getElementById(id);
const POINTS = 160; // of logarithmic time
const FIRST = -2;

// One control each: name, words, range, and how the slider's place becomes the value.
const CONTROLS = [
  { name: "r", words: "r, half the modes’ distance", low: 0.5, high: 6, step: 0.01, digits: 2 },
  { name: "pi", words: "π, weight of the right mode", low: 0.02, high: 0.98, step: 0.01, digits: 2 },
  { name: "eta", words: "η, speed of the weights", low: 0, high: 20, step: 0.1, digits: 1 },
  { name: "w", words: "w₁ at the start", low: 0.02, high: 0.98, step: 0.01, digits: 2 },
  { name: "norm", words: "norm of the start", low: 0.02, high: 9, step: 0.01, digits: 2 },
  { name: "end", words: "log₁₀ of the last time", low: 0, high: 6, step: 0.1, digits: 1 },
];
const PRESETS = {
  "mean alignment": { r: 3, pi: 0.5, eta: 0, g: "euclidean", a1: -0.4, b1: 2.97, a2: -0.9, b2: -2.86, end: 3 },
  "vanishing weight": { r: 4, pi: 0.5, eta: 10, g: "euclidean", a1: 2.6, b1: -3.04, a2: -0.6, b2: 3.95, end: 2.5 },
  recovery: { r: 4, pi: 0.5, eta: 10, g: "euclidean", a1: 2.6, b1: -3.04, a2: -0.6, b2: 3.95, end: 5 },
  "a cured run": { r: 4, pi: 0.5, eta: 10, g: "natural", a1: 2.6, b1: -3.04, a2: -0.6, b2: 3.95, end: 2.5 },
};
const state = { w: 0.5, c2: 0, ...PRESETS["mean alignment"] };
let shown = 1; // the part of logarithmic time at which the density is shown
let result = null;

const setting = () => ({
  r: state.r,
  logit: Math.log(state.pi / (1 - state.pi)),
  eta: state.eta,
  geometry: state.g,
});
const logit = (w) => Math.log(w / (1 - w));
const startState = () => [
  ...[state.a1, state.a2, state.b1 ** 2, state.b1 * state.b2],
  ...[state.b2 ** 2 + state.c2 ** 2, logit(state.w)],
];
const half = () => Math.max(state.r + 3.2, Math.abs(state.a1) + 1, Math.abs(state.a2) + 1);

const box = () => Math.max(state.r + 1.3, Math.abs(state.a1) + 0.5, Math.abs(state.a2) + 0.5);

function compute() {
  const given = setting();
  const logs = Array.from({ length: POINTS }, (_, k) => FIRST + ((state.end - FIRST) * k) / (POINTS - 1));
  const start = startState();
  const states = integrate(start, logs.map((log) => 10 ** log), given).filter((x) => x !== null);
  const kept = logs.slice(0, states.length);
  const fixed = fixedPoints(state.r, given.logit, logit(state.w));
  const kl = states.map((x) => divergence(x, state.r, given.logit));
  const resting = fixed.filter((point) => point.stable).map((point) => point.kl);
  const best = state.eta > 0 ? 0 : Math.min(...resting);
  result = { given, logs: kept, start, states, fixed, kl, best, whole: states.length === POINTS };
}

function showVerdict() {
  const { states, kl, best, given, logs, whole } = result;
  const last = states.at(-1);
  const rows = {
    outcome: `<strong>${outcome(last, given.r, given.logit)}</strong> at time ${brief(10 ** logs.at(-1))}${whole ? "" : " (stopped)"}`,
    "KL(q‖p)": `${digits(kl.at(-1))} nats`,
    regret: `${digits(Math.max(kl.at(-1) - best, 0))} nats above the best that ${state.eta > 0 ? "trained" : "these fixed"} weights allow`,
    "w₁": digits(logistic(last[5])),
    "mass right, left": masses(last, given.r, given.logit).map(digits).join(", "),
    lifetime: lifetimeWords(),
  };
  byId("verdict").innerHTML = `<dl>${Object.entries(rows)
    .map(([name, words]) => `<dt>${name}</dt><dd>${words}</dd>`)
    .join("")}</dl>`;
}

function at() {
  const { logs, states } = result;
  const k = Math.round(shown * (logs.length - 1));
  return { log: logs[k], x: shown === 0 ? result.start : states[k] };
}

function draw() {
  const { states, logs, kl, fixed } = result;
  const { log, x } = at();
  const side = state.b1 < 0 || (state.b1 === 0 && state.b2 < 0) ? -1 : 1;
  byId("clock").textContent = `at time ${brief(shown === 0 ? 0 : 10 ** log)}`;
  drawDensity(byId("density"), x, side, half(), state.r);
  drawPlane(byId("plane"), [result.start, ...states], x, fixed, box(), state.r);
  const pair = [colour("first"), colour("second")];
  const ways = [0, 1].map((i) => ({ values: states.map((s) => s[i]), ink: pair[i] }));
  const reach = box();
  const marks = [[-state.r, "−r"], [0, "0"], [state.r, "r"]];
  drawCourse(byId("course-m"), "means along μ*", logs, ways, [-reach, reach], marks, log);
  const parts = [1, -1].map((s, i) => ({ values: states.map((one) => logistic(s * one[5])), ink: pair[i] }));
  drawCourse(byId("course-w"), "weights of q", logs, parts, [-0.04, 1.04], [[0, "0"], [0.5, "½"], [1, "1"]], log);
  const top = Math.max(1, ...kl) * 1.03;
  const levels = [[0, "0"], top < 2.5 ? [Math.LN2, "log 2"] : [Math.floor(top), String(Math.floor(top))]];
  drawCourse(byId("course-kl"), "KL(q‖p), nats", logs, [{ values: kl, ink: colour("accent") }], [-0.04 * top, top], levels, log);
  placeHandles();
}

function placeHandles() {
  const view = viewOf(byId("density"), half());
  for (const i of [1, 2]) {
    const handle = byId(`mean${i}`);
    handle.style.left = `${view.x(state[`a${i}`])}px`;
    handle.style.top = `${view.y(state[`b${i}`])}px`;
    handle.setAttribute("aria-valuenow", state[`a${i}`].toFixed(2));
    handle.setAttribute("aria-valuetext", `${state[`a${i}`].toFixed(2)} along, ${state[`b${i}`].toFixed(2)} across`);
  }
}

const valueOf = (name) =>
  name === "norm" ? Math.max(...[1, 2].map((i) => Math.hypot(state[`a${i}`], state[`b${i}`], i === 2 ? state.c2 : 0))) : state[name];

function showControls() {
  for (const { name, digits } of CONTROLS) {
    byId(name).value = valueOf(name);
    byId(`${name}-value`).textContent = valueOf(name).toFixed(digits);
  }
  byId("geometry").value = state.g;
}

const LINKED = ["r", "pi", "eta", "w", "a1", "b1", "a2", "b2", "c2", "end", "g"];
const link = () => "#" + new URLSearchParams(LINKED.map((name) => [name, String(state[name])]));

// Everything follows from the settings: called after each change of them.
function update() {
  const began = performance.now();
  compute();
  showControls();
  showVerdict();
  byId("code").textContent = python();
  draw();
  history.replaceState(null, "", link());
  update.took = performance.now() - began;
}

function change(values) {
  Object.assign(state, values);
  update();
}

function rescale(norm) {
  for (const i of [1, 2]) {
    const out = i === 2 ? state.c2 : 0;
    const length = Math.hypot(state[`a${i}`], state[`b${i}`], out) || 1;
    for (const name of i === 2 ? ["a2", "b2", "c2"] : ["a1", "b1"]) state[name] = round((state[name] * norm) / length);
  }
  update();
}
const round = (value) => Math.round(value * 1e4) / 1e4;

// Means uniform on the sphere of radius r in R^d: exact in three coordinates (section 2).
function randomStart(dimension) {
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  const chi = (n) => Math.sqrt(Array.from({ length: n }, normal).reduce((sum, z) => sum + z * z, 0));
  const first = [normal(), chi(dimension - 1)];
  const second = [normal(), normal(), chi(dimension - 2)];
  const unit = (vector) => vector.map((one) => round((one * state.r) / Math.hypot(...vector)));
  const [[a1, b1], [a2, b2, c2]] = [unit(first), unit(second)];
  change({ a1, b1, a2, b2, c2 });
}

function readLink() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of LINKED) {
    if (!given.has(name)) continue;
    const control = CONTROLS.find((one) => one.name === name);
    const value = Number(given.get(name));
    if (name === "g") state.g = GEOMETRIES.includes(given.get("g")) ? given.get("g") : state.g;
    else if (Number.isFinite(value))
      state[name] = control ? Math.min(Math.max(value, control.low), control.high) : Math.min(Math.max(value, -12), 12);
  }
}

function makeControls() {
  byId("controls").innerHTML =
    "<h2>Settings</h2>" +
    CONTROLS.map(({ name, words, low, high, step }) =>
      `<label class="control"><span>${words}</span><input id="${name}" type="range" min="${low}" max="${high}" step="${step}"><output id="${name}-value"></output></label>`).join("") +
    `<label class="control"><span>geometry</span><select id="geometry">${GEOMETRIES.map((one) => `<option>${one}</option>`).join("")}</select></label>
     <div class="control"><label for="dimension">random start, d =</label><input id="dimension" type="number" min="2" max="4096" value="16"><button id="draw">Draw</button></div>`;
  for (const { name } of CONTROLS)
    byId(name).addEventListener("input", (event) => {
      const value = Number(event.target.value);
      if (name === "norm") rescale(value);
      else change({ [name]: value });
    });
  byId("geometry").addEventListener("change", (event) => change({ g: event.target.value }));
  byId("draw").addEventListener("click", () =>
    randomStart(Math.min(4096, Math.max(2, Math.round(Number(byId("dimension").value)) || 2))));
  byId("presets").innerHTML = Object.keys(PRESETS).map((name) => `<button>${name}</button>`).join("");
  [...byId("presets").children].forEach((button) =>
    button.addEventListener("click", () => change({ w: 0.5, c2: 0, ...PRESETS[button.textContent] })));
}

function makeHandles() {
  for (const i of [1, 2]) {
    const handle = byId(`mean${i}`);
    const move = (a, b) => change({ [`a${i}`]: round(a), [`b${i}`]: round(b) });
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.dragged = viewOf(byId("density"), half()); // the view stays while one drags
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.dragged) return;
      const frame = byId("density").getBoundingClientRect();
      const reach = half() - 1;
      const a = handle.dragged.a(event.clientX - frame.left);
      move(Math.min(Math.max(a, -reach), reach), handle.dragged.b(event.clientY - frame.top));
    });
    handle.addEventListener("lostpointercapture", () => (handle.dragged = null));
    handle.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      if (!(event.key in steps)) return;
      event.preventDefault();
      const size = event.shiftKey ? 0.5 : 0.1;
      move(state[`a${i}`] + steps[event.key][0] * size, state[`b${i}`] + steps[event.key][1] * size);
    });
  }
}

function makePlayer() {
  let playing = null;
  const show = (part) => {
    shown = Math.min(1, part);
    byId("moment").value = shown;
    draw();
  };
  const stop = () => {
    cancelAnimationFrame(playing);
    playing = null;
    byId("play").textContent = "▶";
  };
  byId("moment").addEventListener("input", (event) => (stop(), show(Number(event.target.value))));
  byId("play").addEventListener("click", () => {
    if (playing) return stop();
    byId("play").textContent = "⏸";
    const from = performance.now() - (shown < 1 ? shown * 5000 : 0);
    const tick = (now) => {
      show(Math.max(0, now - from) / 5000);
      if (shown < 1) playing = requestAnimationFrame(tick);
      else stop();
    };
    playing = requestAnimationFrame(tick);
  });
}

function makeCopies() {
  const copy = async (text, words) => {
    try {
      await navigator.clipboard.writeText(text);
      byId("copied").textContent = words;
    } catch {
      byId("copied").textContent = "Select the text and copy it: the browser does not let a page do it.";
    }
  };
  byId("copy").addEventListener("click", () => copy(python(), "Copied."));
  byId("share").addEventListener("click", () => copy(location.href, "Copied the link."));
}

readLink();
makeControls();
makeHandles();
makePlayer();
makeCopies();
addEventListener("hashchange", () => (readLink(), update()));
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (readColours(), draw()));
readColours();
update();
