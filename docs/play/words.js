// What the page says of a result in words, and the lines of Python that give it.

const brief = (value) => {
  if (!Number.isFinite(value)) return "∞";
  if (value !== 0 && (value >= 1e5 || value < 1e-3)) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(3)));
};

// Four digits are right: the error allowed in a step is 1e-6.
const digits = (value) => (value < 1e-6 ? "0.000" : value < 1e-3 ? value.toExponential(2) : value.toPrecision(4));

function lifetimeWords() {
  const { fixed, given } = result;
  const collapsed = fixed.filter((point) => point.stable && point.outcome !== "both modes");
  if (state.eta === 0) {
    if (collapsed.length) return "fixed weights: a collapsed state is stable, and lasts for ever";
    const { fold } = lifetimes(state.r, 0, state.g);
    const equal = Math.abs(state.pi - 0.5) < 1e-9 && Math.abs(state.w - 0.5) < 1e-9;
    const law = equal && state.g === "euclidean" && state.r > 1.9;
    return `fixed weights: no collapsed state is stable${law ? `; passing its ghost takes ${brief(fold)} (8.2)` : ""}`;
  }
  const { aligned, dead } = lifetimes(state.r, state.eta, given.geometry);
  if (Math.abs(state.pi - 0.5) > 1e-9 || state.r < CRITICAL)
    return "trained weights: no collapse lasts for ever";
  const means = `collapse of both means on one mode lasts about ${brief(aligned)}`;
  const law = given.geometry === "euclidean" ? "8.4" : "13.10";
  const weight = dead ? `grows like e<sup>${brief(dead)} r²</sup> (8.8)` : "is of the order √log(1/w)/r (13.8)";
  return `two equal modes far apart: ${means} (${law}); that of a component without weight ${weight}`;
}

function python() {
  const { logs } = result;
  const number = (value) => String(value);
  const means = `[[[${[state.a1, state.b1, 0].map(number).join(", ")}], [${[state.a2, state.b2, state.c2].map(number).join(", ")}]]]`;
  const call =
    state.g === "euclidean"
      ? `mc.integrate(p, start, [${10 ** logs.at(-1)}], eta=${number(state.eta)})`
      : `mc.theory.integrate_geometry(\n    p, start, [${10 ** logs.at(-1)}], eta=${number(state.eta)}, geometry="${state.g}"\n)`;
  return [
    "import numpy as np",
    "import modecollapse as mc",
    "",
    `p = mc.target(separation=${number(state.r)}, dimension=3, weight=${number(state.pi)})`,
    `means = ${means}`,
    `start = mc.Overlaps.from_vectors(means, [${number(state.r)}, 0, 0], np.log([${number(state.w)} / (1 - ${number(state.w)})]))`,
    `run = ${call}`,
    'print(run.outcome[0], run.final("kl")[0], run.final("weight")[0])',
  ].join("\n");
}
