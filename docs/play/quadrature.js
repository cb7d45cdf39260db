// Gaussian expectations of the sigmoid and the softplus for b <= 40: section 4 of the theory, as in
// modecollapse.quadrature.  CONSTANTS are that package's own.
"use strict";

const { STEP, NODES: GAUSS, REACH, SPACING, REST, KINK } = CONSTANTS.quadrature;
const ROOT_TWO_PI = Math.sqrt(2 * Math.PI);

const logistic = (u) => 1 / (1 + Math.exp(-u));
const logSum = (u) => Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u)));

// erfc(x), x >= 0: the trapezoidal rule for (2x/π) e^{−x²} ∫ e^{−t²}/(t² + x²) dt over t > 0, with
// the residue at t = ix, as in Eq. 4.3; its error is e^{−π²/h²} = 7e-18.
function erfc(x) {
  if (x < 0) return 2 - erfc(-x);
  const h = 0.5;
  let total = 0;
  for (let t = h / 2; t < 7; t += h) total += Math.exp(-t * t) / (t * t + x * x);
  const residue = x < 6 ? 2 / (1 + Math.exp((2 * Math.PI * x) / h)) : 0;
  return ((2 * x * h) / Math.PI) * Math.exp(-x * x) * total + residue;
}
const normal = (x) => 0.5 * erfc(-x / Math.SQRT2);

// Middle node for a <= 0 and u_0 = a + bz there, such that u = 0 is a node, or far away.
function centre(a, b) {
  if (b * b < -a) {
    if (b < 0.8 || -a > b * (b + 9) + 40) return [b, a + b * b];
    const k = Math.floor((b + a / b) / STEP + 0.5);
    return [-a / b + k * STEP, b * STEP * k];
  }
  return [a < 0 ? -a / b : 0, 0];
}

// [E σ, E σ', E σ''] at a + bZ (Eqs. 4.4 and 4.5).
function sigmoidMoments(a, b) {
  const c = -Math.abs(a);
  const [z, u] = centre(c, b);
  const y = Math.exp(u);
  const grow = Math.exp(STEP * b);
  const tilt = Math.exp(STEP * (b - z));
  let [up, down, left, right] = [y, y, 1, 1];
  let s0 = GAUSS[0] / (1 + y);
  let s1 = s0 / (1 + y);
  let s2 = (s1 * (1 - y)) / (1 + y);
  for (let j = 1; j < 18; j++) {
    up *= grow;
    down /= grow;
    right *= tilt;
    left /= tilt;
    const inverse = 1 / (1 + y * y + up + down);
    const above = (1 + down) * inverse;
    const below = (1 + up) * inverse;
    const r0 = GAUSS[j] * right * above;
    const l0 = GAUSS[j] * left * below;
    s0 += r0 + l0;
    s1 += r0 * above + l0 * below;
    s2 += r0 * above * (1 - up) * above + l0 * below * (1 - down) * below;
  }
  const scale = y * Math.exp(-0.5 * z * z);
  let moments = [s0 * scale, s1 * scale, s2 * scale];
  if (b > Math.PI / REACH) moments = poles(c, b).map((pole, k) => pole + moments[k]);
  return a <= 0 ? moments : [1 - moments[0], moments[1], -moments[2]];
}
const sigmoid = (a, b) => sigmoidMoments(a, b)[0];

// What the residues at u = ±(2n + 1)iπ add.
function poles(a, b) {
  const i2 = 1 / (b * b);
  const kappa = (2 * Math.PI) / (STEP * b);
  const front = ((4 * Math.PI) / (ROOT_TWO_PI * b)) * Math.exp(-0.5 * a * a * i2);
  const sums = [0, 0, 0];
  if (front === 0) return sums;
  for (let y = Math.PI; y <= REACH * b; y += 2 * Math.PI) {
    const decay = Math.exp(-kappa * y);
    const growth = Math.exp(0.5 * y * y * i2);
    const [sine, cosine] = [Math.sin(y * a * i2), Math.cos(y * a * i2)];
    const v = decay / (1 - decay);
    const mu = (kappa * v) / (1 - decay);
    const nu = (kappa * mu * (1 + decay)) / (1 - decay);
    sums[0] += growth * v * sine;
    sums[1] -= growth * (a * i2 * v * sine + (mu - y * i2 * v) * cosine);
    const real = (i2 - (a * a - y * y) * i2 * i2) * v - 2 * y * mu * i2 + nu;
    sums[2] -= growth * (real * sine + 2 * a * i2 * (y * v * i2 - mu) * cosine);
  }
  return sums.map((sum) => front * sum);
}

// E softplus(a + bZ) (Eqs. 4.6 and 4.7).
function softplus(a, b) {
  const c = -Math.abs(a);
  const far = b >= 1 && c < -(8.6 * b + 40);
  const value = far ? 0 : b < 1 ? softplusNarrow(c, b) : softplusWide(c, b);
  return a <= 0 ? value : a + value;
}

function softplusNarrow(a, b) {
  let total = GAUSS[0] * logSum(a);
  for (let j = 1; j < 18; j++) total += GAUSS[j] * (logSum(a + b * STEP * j) + logSum(a - b * STEP * j));
  return total;
}

function softplusWide(a, b) {
  const x = a / b;
  const ratio = SPACING / b;
  const density = Math.exp(-0.5 * x * x) / ROOT_TWO_PI;
  const square = Math.exp(-ratio * ratio);
  let [left, right] = [density, density];
  let leftRatio = Math.exp(-ratio * (0.5 * ratio - x));
  let rightRatio = Math.exp(-ratio * (0.5 * ratio + x));
  let rest = REST[0] * density;
  for (let k = 1; k < 76; k++) {
    left *= leftRatio;
    right *= rightRatio;
    leftRatio *= square;
    rightRatio *= square;
    rest += REST[k] * (left + right);
  }
  let [kink, power, hermite, next] = [0, 1, 1, x];
  for (let m = 0; m < 12; m++) {
    kink += KINK[m] * power * hermite;
    power /= b * b;
    hermite = x * next - (2 * m + 1) * hermite;
    next = x * hermite - (2 * m + 2) * next;
  }
  return b * density + a * normal(x) + (density * kink + SPACING * rest) / b;
}
