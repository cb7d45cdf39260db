// Rodas5P (G. Steinebach, BIT 63 (2023) 27), as in modecollapse.theory.ode: order 5, L-stable,
// with an interpolant of order 4.

const { GAMMA, A, C, DENSE } = CONSTANTS.rodas5p;

function factorise(m) {
  const pivots = [];
  for (let k = 0; k < 6; k++) {
    let p = k;
    for (let i = k + 1; i < 6; i++) if (Math.abs(m[i][k]) > Math.abs(m[p][k])) p = i;
    pivots.push(p);
    [m[k], m[p]] = [m[p], m[k]];
    for (let i = k + 1; i < 6; i++) {
      m[i][k] /= m[k][k];
      for (let j = k + 1; j < 6; j++) m[i][j] -= m[i][k] * m[k][j];
    }
  }
  return pivots;
}

function solve(m, pivots, v) {
  pivots.forEach((p, k) => ([v[k], v[p]] = [v[p], v[k]]));
  for (let i = 1; i < 6; i++) for (let j = 0; j < i; j++) v[i] -= m[i][j] * v[j];
  for (let i = 5; i >= 0; i--) {
    for (let j = i + 1; j < 6; j++) v[i] -= m[i][j] * v[j];
    v[i] /= m[i][i];
  }
  return v;
}

const combined = (x, u, c, scale) =>
  x.map((value, i) => u.reduce((sum, stage, j) => sum + c[j] * scale * stage[i], value));

// One step from x, where dx/dt = f: {next, u, error}, the error in units of what is allowed.
function step(x, f, h, setting, rtol, atol) {
  const m = jacobian(x, setting).map((row, i) =>
    row.map((value, j) => (i === j ? 1 / (GAMMA * h) : 0) - value),
  );
  const pivots = factorise(m);
  const u = [solve(m, pivots, [...f])];
  let next = x;
  for (let s = 1; s < 8; s++) {
    next = combined(x, u, A[s], 1);
    u.push(solve(m, pivots, combined(velocity(next, setting), u, C[s], 1 / h)));
  }
  next = next.map((value, i) => value + u[7][i]);
  const parts = next.map((value, i) => {
    const scale = atol + rtol * Math.max(Math.abs(x[i]), Math.abs(value));
    return (u[7][i] / scale) ** 2;
  });
  return { next, u, error: Math.sqrt(parts.reduce((a, b) => a + b) / 6) };
}

// The state at the part s of a step.
function within(x, next, u, s) {
  return x.map((value, i) => {
    const k = DENSE.map((row) => row.reduce((sum, c, j) => sum + c * u[j][i], 0));
    const inner = k[0] + s * (k[1] + k[2] - (1 - s) * k[2]);
    return value + s * (next[i] - value + (1 - s) * inner);
  });
}

// The states at `times`, which increase; null from where it did not come within `most` steps.
function integrate(start, times, setting, rtol = 1e-6, most = 5000) {
  const atol = rtol / 100;
  const states = [];
  let [t, x, h] = [0, start, 1e-3];
  let f = velocity(x, setting);
  while (states.length < times.length && times[states.length] <= 0) states.push(start);
  for (let n = 0; n < most && states.length < times.length; n++) {
    const { next, u, error } = step(x, f, h, setting, rtol, atol);
    const good = error <= 1 && next.every(Number.isFinite);
    if (good) {
      while (states.length < times.length && times[states.length] <= t + h)
        states.push(within(x, next, u, (times[states.length] - t) / h));
      [t, x] = [t + h, next];
      f = velocity(x, setting);
    }
    const factor = 0.9 * Math.max(error, 1e-8) ** -0.2;
    h *= Number.isFinite(factor) ? Math.min(good ? 5 : 1, Math.max(0.2, factor)) : 0.2;
  }
  while (states.length < times.length) states.push(null);
  return states;
}
