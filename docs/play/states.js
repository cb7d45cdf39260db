// Fixed points for fixed weights (section 6), and how long collapse lasts (section 8, Eq. 13.10).

const { nodes: INNER, weights: SHARES } = CONSTANTS.line;

// T(b) − T(a) of T(ξ) = E tanh r(ξ + Z), and γ, without cancellation where the split is small.
function difference(c, split, r) {
  if (r * split >= 1)
    return 2 * (sigmoid(2 * r * (c + split / 2), 2 * r) - sigmoid(2 * r * (c - split / 2), 2 * r));
  const slope = (xi) => 4 * r * sigmoidMoments(2 * r * xi, 2 * r)[1];
  return INNER.reduce((sum, z, k) => sum + 0.5 * split * SHARES[k] * slope(c + 0.5 * split * z), 0);
}

function gamma(split, l) {
  const a = 0.5 * split * split;
  if (split >= 1) return sigmoid(l + a, split) - sigmoid(l - a, split);
  return INNER.reduce((sum, z, k) => sum + a * SHARES[k] * sigmoidMoments(l + a * z, split)[1], 0);
}

const tilt = (xi, r) => 2 * sigmoid(2 * r * xi, 2 * r) - 1;
const splitOf = (s) => 2 * logSum(s);

// A zero between two places where the signs of f differ (the Illinois method).
function root(f, low, high, most = 60) {
  let [a, b, fa, fb] = [low, high, f(low), f(high)];
  if (fa === 0) return a;
  for (let n = 0; n < most && fb !== 0; n++) {
    const c = b - (fb * (b - a)) / (fb - fa);
    const fc = f(c);
    if (fc * fb < 0) [a, fa] = [b, fb];
    else fa /= 2;
    if (Math.abs(c - b) < 1e-12 * (1 + Math.abs(c))) return c;
    [b, fb] = [c, fc];
  }
  return b;
}

// The curve γδ = rW of all targets, from its tip c = 0 along u: s = tip − u², c of the sign of u.
function curveOf(r, l) {
  const miss = (c, s) => {
    const split = splitOf(s);
    return Math.log(gamma(split, l) * split) - Math.log(Math.max(r * difference(c, split, r), 1e-300));
  };
  const low = -3 - (r * r) / 2;
  const tip = root((s) => miss(0, s), low, 2 * r + 2);
  const most = Math.sqrt(tip - low);
  let last = 0; // c grows with |u|, and neighbours follow one another
  const centreAt = (u) => {
    const s = tip - u * u;
    if (miss(0, s) >= 0) return 0;
    let [below, above] = [Math.max(last - 0.1, 0), last + 0.2];
    if (miss(below, s) >= 0) below = 0;
    while (miss(above, s) < 0 && above < 3 * r + 20) [below, above] = [above, above + 0.3];
    last = root((c) => miss(c, s), below, above);
    return Math.sign(u) * last;
  };
  const point = (u) => ({ c: centreAt(u), split: splitOf(tip - u * u) });
  const [w1, w2] = [logistic(l), logistic(-l)];
  const target = (u) => {
    const { c, split } = point(u);
    const [outer, inner] = [c + split / 2, c - split / 2];
    return 2 * r * (w1 * (outer - r * tilt(outer, r)) + w2 * (inner - r * tilt(inner, r)));
  };
  const grid = Array.from({ length: 61 }, (_, k) => most * (k / 30 - 1));
  return { point, target, grid, values: grid.map(target) };
}

const curves = new Map(); // they do not depend on π, and a drag changes no r
function cachedCurve(r, l) {
  const key = `${r} ${l}`;
  if (!curves.has(key)) {
    if (curves.size > 20) curves.clear();
    curves.set(key, curveOf(r, l));
  }
  return curves.get(key);
}

// All fixed points with fixed weights: {x: [x_1, x_2], stable, kl, outcome}.
function fixedPoints(r, logit, l) {
  const shift = logit / (2 * r);
  const found = merged(r, logit).map((xi) => record([xi - shift, xi - shift], true, r, logit, l));
  for (const order of [1, -1]) {
    const curve = cachedCurve(r, order * l);
    curve.values.forEach((value, k) => {
      if (k === 0 || (value - logit) * (curve.values[k - 1] - logit) > 0 || value === logit) return;
      const f = (u) => curve.target(u) - logit;
      const { c, split } = curve.point(root(f, curve.grid[k - 1], curve.grid[k]));
      const x = [c + split / 2 - shift, c - split / 2 - shift];
      found.push(record(order > 0 ? x : x.reverse(), false, r, logit, l));
    });
  }
  return found;
}

function merged(r, logit) {
  const f = (xi) => 2 * r * (xi - r * tilt(xi, r)) - logit;
  const reach = r + Math.abs(logit) / (2 * r) + 1;
  const grid = Array.from({ length: 81 }, (_, k) => reach * (k / 40 - 1.0003));
  const roots = [];
  for (let k = 1; k < grid.length; k++)
    if (f(grid[k - 1]) * f(grid[k]) < 0) roots.push(root(f, grid[k - 1], grid[k]));
  return roots;
}

function record(x, isMerged, r, logit, l) {
  const setting = { r, logit, eta: 0, geometry: "euclidean" };
  const at = (y) => [...y, 0, 0, 0, l];
  const along = (y) => jacobian(at(y), setting).slice(0, 2);
  if (!isMerged) {
    // One step of Newton's: next to the tip of the curve its coordinate has half of the digits.
    const [[a, b], [c, d]] = along(x);
    const [f, g] = velocity(at(x), setting);
    const move = [d * f - b * g, a * g - c * f].map((one) => one / (a * d - b * c));
    if (Math.hypot(...move) < 1e-3) x = x.map((one, i) => one - move[i]);
  }
  const [[a, b], [c, d]] = along(x);
  const stable = !isMerged && a + d < 0 && a * d - b * c > 0;
  return { x, stable, kl: divergence(at(x), r, logit), outcome: outcome(at(x), r, logit) };
}

// Laws for two equal modes: of collapse that passes a fold, of aligned means, of a dead component.
const CRITICAL = CONSTANTS.critical;
function lifetimes(r, eta, geometry) {
  if (eta === 0) return { fold: r < CRITICAL ? CONSTANTS.fold / Math.sqrt(CRITICAL - r) : Infinity };
  const split = Math.PI * r * (Math.exp((-r * r) / 2) / ROOT_TWO_PI);
  const factor = geometry === "natural" ? 0.75 : 6;
  const excess = eta / 2 - 1;
  const exponent = excess === 0 ? Math.exp(-1) : Math.exp(-Math.log1p(excess) / excess);
  const dead = geometry === "euclidean" ? exponent : null; // log T ~ c(η) r²
  return { aligned: (factor * Math.PI) / (eta * r * split ** 2.5), dead };
}
