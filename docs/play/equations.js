// The closed equations of two components and two modes in axial coordinates
// x = (a_1, a_2, P_11, P_12, P_22, ℓ), in three geometries (Eqs. 3.7 and 13.6), with KL (3.9, 3.11),
// the masses (5.1) and the outcome.  A setting is {r, logit, eta, geometry}.

const GEOMETRIES = ["euclidean", "wasserstein", "natural"];
const NEAR = 0.2; // distance from the target below which KL is integrated along a path
const [COVERAGE, ARRIVED] = [0.25, 0.95];

const squaredDistance = (x) => (x[0] - x[1]) ** 2 + Math.max(x[2] - 2 * x[3] + x[4], 0);

// [A_1, A_2], A_i = E_i[log q − log p].
function advantage(x, r, logit) {
  const d2 = squaredDistance(x);
  const d = Math.sqrt(d2);
  return [
    -logSum(-x[5]) + softplus(-x[5] - 0.5 * d2, d) - crossEntropy(x[0], x[2], r, logit),
    -logSum(x[5]) + softplus(x[5] - 0.5 * d2, d) - crossEntropy(x[1], x[4], r, logit),
  ];
}

function crossEntropy(a, p, r, logit) {
  const odds = 2 * r * a + logit;
  const side = odds >= 0 ? 1 : -1;
  const spread = 0.5 * ((a - side * r) ** 2 + p);
  return -logSum(-side * logit) - spread + softplus(-Math.abs(odds), 2 * r);
}

function velocity(x, { r, logit, eta, geometry }) {
  const [w1, w2] = [logistic(x[5]), logistic(-x[5])];
  const d2 = squaredDistance(x);
  const d = Math.sqrt(d2);
  const pull1 = 2 * sigmoid(2 * r * x[0] + logit, 2 * r) - 1;
  const pull2 = 2 * sigmoid(2 * r * x[1] + logit, 2 * r) - 1;
  const other1 = sigmoid(-x[5] - 0.5 * d2, d);
  const other2 = sigmoid(x[5] - 0.5 * d2, d);
  const [s1, s2] = geometry === "euclidean" ? [w1, w2] : [1, 1];
  const gap = x[0] - x[1];
  let drift = 0;
  if (eta > 0) {
    const [first, second] = advantage(x, r, logit);
    drift = -eta * (geometry === "natural" ? 1 : w1 * w2) * (first - second);
  }
  return [
    -s1 * (x[0] - r * pull1 - other1 * gap),
    -s2 * (x[1] - r * pull2 + other2 * gap),
    -2 * s1 * (x[2] - other1 * (x[2] - x[3])),
    -s1 * (x[3] - other1 * (x[3] - x[4])) - s2 * (x[3] - other2 * (x[3] - x[2])),
    -2 * s2 * (x[4] - other2 * (x[4] - x[3])),
    drift,
  ];
}

// ∂(dx/dt)/∂x, rows of a 6 × 6 matrix (Eq. 3.10); mixed second derivatives of KL are equal.
function jacobian(x, { r, logit, eta, geometry }) {
  const [w1, w2] = [logistic(x[5]), logistic(-x[5])];
  const both = w1 * w2;
  const d2 = squaredDistance(x);
  const d = Math.sqrt(d2);
  const [f1, f1a, f1aa] = sigmoidMoments(-x[5] - 0.5 * d2, d);
  const [f2, f2a, f2aa] = sigmoidMoments(x[5] - 0.5 * d2, d);
  const [p1, slope1] = sigmoidMoments(2 * r * x[0] + logit, 2 * r);
  const [p2, slope2] = sigmoidMoments(2 * r * x[1] + logit, 2 * r);
  const plain = geometry === "euclidean";
  const [s1, s2] = plain ? [w1, w2] : [1, 1];
  const gap = x[0] - x[1];
  // By the overlaps E_1[r_2] and E_2[r_1], which depend on D² and ℓ.
  const by1 = [s1 * gap, 0, 2 * s1 * (x[2] - x[3]), s1 * (x[3] - x[4]), 0];
  const by2 = [0, -s2 * gap, 0, s2 * (x[3] - x[2]), 2 * s2 * (x[4] - x[3])];
  const rows = by1.map((_, i) => {
    const byD2 = 0.5 * (by1[i] * (f1aa - f1a) + by2[i] * (f2aa - f2a));
    return [2 * gap * byD2, -2 * gap * byD2, byD2, -2 * byD2, byD2, by2[i] * f2a - by1[i] * f1a];
  });
  rows[0][0] += s1 * (4 * r * r * slope1 - 1 + f1);
  rows[0][1] -= s1 * f1;
  rows[1][1] += s2 * (4 * r * r * slope2 - 1 + f2);
  rows[1][0] -= s2 * f2;
  rows[2][2] -= 2 * s1 * (1 - f1);
  rows[2][3] -= 2 * s1 * f1;
  rows[3][2] -= s2 * f2;
  rows[3][3] -= s1 * (1 - f1) + s2 * (1 - f2);
  rows[3][4] -= s1 * f1;
  rows[4][4] -= 2 * s2 * (1 - f2);
  rows[4][3] -= 2 * s2 * f2;
  const force1 = x[0] - r * (2 * p1 - 1);
  const force2 = x[1] - r * (2 * p2 - 1);
  if (plain) {
    // Through the speeds w_1 and w_2, whose derivatives by ℓ are w_1 w_2 and its opposite.
    rows[0][5] -= both * (force1 - f1 * gap);
    rows[1][5] += both * (force2 + f2 * gap);
    rows[2][5] -= 2 * both * (x[2] - f1 * (x[2] - x[3]));
    rows[3][5] -= both * (f2 * (x[3] - x[2]) - f1 * (x[3] - x[4]));
    rows[4][5] += 2 * both * (x[4] - f2 * (x[4] - x[3]));
  }
  rows.push([0, 0, 0, 0, 0, 0]);
  if (eta > 0) {
    const byL = both * f1 - w1 * f1a; // of S = w_1 E_1[r_2]
    const [first, second] = advantage(x, r, logit);
    const natural = geometry === "natural";
    const slope = [both * force1 - byL * gap, byL * gap - both * force2];
    slope.push(0.5 * (both - byL), byL, -0.5 * (both + byL));
    slope.push(both - w1 * f1 + (natural ? 0 : (w2 - w1) * both * (first - second)));
    rows[5] = slope.map((one) => (-eta * one) / (natural ? both : 1));
  }
  return rows;
}

// KL(q‖p), nats.
function divergence(x, r, logit) {
  const side = x[0] >= x[1] ? 1 : -1;
  const steps = [x[0] - side * r, x[1] + side * r, x[5] - side * logit];
  const gap = Math.max(...steps.map(Math.abs));
  if (Math.max(gap * gap, x[2], x[4]) < NEAR * NEAR) return divergenceNear(x, r, logit, side, steps);
  const [first, second] = advantage(x, r, logit);
  return logistic(x[5]) * first + logistic(-x[5]) * second;
}

// The integral of its slope along the straight line of vectors from the target.
function divergenceNear(x, r, logit, side, [step1, step2, step3]) {
  const setting = { r, logit, eta: step3 === 0 ? 0 : 1, geometry: "euclidean" };
  const [p11, p22] = [Math.max(x[2], 0), Math.max(x[4], 0)];
  let total = 0;
  CONSTANTS.path.nodes.forEach((s, k) => {
    const along = [side * r + s * step1, -side * r + s * step2];
    const across = [s * s * p11, s * s * x[3], s * s * p22];
    const rate = velocity([...along, ...across, side * logit + s * step3], setting);
    const slope = rate[0] * step1 + rate[1] * step2 + (0.5 * (rate[2] + rate[4])) / s;
    total -= CONSTANTS.path.weights[k] * (slope + rate[5] * step3);
  });
  return Math.max(total, 0);
}

// The mass of q on the modes at +μ* and −μ*.
function masses(x, r, logit) {
  const [w1, w2] = [logistic(x[5]), logistic(-x[5])];
  const odds = [2 * r * x[0] + logit, 2 * r * x[1] + logit];
  return [1, -1].map((s) => w1 * sigmoid(s * odds[0], 2 * r) + w2 * sigmoid(s * odds[1], 2 * r));
}

// What a run that ends here is called (section 5).
function outcome(x, r, logit) {
  const weights = [logistic(logit), logistic(-logit)];
  if (masses(x, r, logit).every((mass, k) => mass >= COVERAGE * weights[k])) return "both modes";
  const parts = [logistic(x[5]), logistic(-x[5])];
  const dead = parts.some(
    (w, i) => w < COVERAGE * Math.min(...weights) && normal(Math.abs(x[i])) < ARRIVED,
  );
  return dead ? "vanishing weight" : "mean alignment";
}
