"""Time of an optimisation step of RealNVP by reverse KL, per seed, beside other libraries.

d = 16, 8 couplings, two hidden layers of 64, batch 512, float32, one core: draw noise, loss,
gradient, clipping, Adam.  All libraries have the same number of parameters and the same target.
"""

from __future__ import annotations

import itertools
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from modecollapse.devices import limited_threads
from modecollapse.flows.architectures.realnvp import RealNVP
from modecollapse.flows.ensemble import Ensemble
from modecollapse.flows.settings import FlowSettings
from modecollapse.flows.training import resolve
from modecollapse.targets import BimodalTarget

__all__ = ["rows"]

DIMENSION, COUPLINGS, HIDDEN, BATCH, SEPARATION = 16, 8, 64, 512, 3.0
SEEDS = 16
WIDTHS = [DIMENSION // 2, HIDDEN, HIDDEN, DIMENSION]
CLIP, LEARNING_RATE = 10.0, 1e-3
PEAK_HIDDEN, PEAK_DIMENSIONS, PEAK_BATCH, LARGE = (32, 64, 512), (2, 16, 64, 128), 256, 1536

Step = Callable[[], object]


def rows() -> Iterator[dict[str, Any]]:
    """A row for each comparison: ours and theirs in ms per seed and step, and theirs / ours."""
    with limited_threads(1):  # torch's, and those of the products by BLAS
        for name, make in (("zuko", zuko), ("normflows", normflows), ("flowjax", flowjax)):
            if find_spec(name) is None:
                print(f"flows_vs_{name}: skipped, {name} is not installed", file=sys.stderr)
            else:
                yield _against(name, make)
        yield _gemm()
        for hidden, dimension in itertools.product(PEAK_HIDDEN, PEAK_DIMENSIONS):
            yield _peak(hidden, dimension)


def _against(name: str, make: Callable[[], Step]) -> dict[str, Any]:
    mine, other = medians(ours(), make())
    mine /= SEEDS
    return {
        "name": f"flows_vs_{name}",
        "ratio": other / mine,
        "ours": mine,
        "theirs": other,
        "unit": "ms of CPU per seed and step",
        "note": f"{SEEDS} seeds at once against one at a time; Adam and clipping in both",
    }


def _gemm() -> dict[str, Any]:
    mine, products = medians(ours(), gemm())
    return {
        "name": "flows_vs_gemm",
        "ratio": products / mine,
        "ours": mine / SEEDS,
        "theirs": products / SEEDS,
        "unit": "ms of CPU per seed and step",
        "note": "theirs: the matrix products of a step alone, by torch, over our whole step",
    }


def _peak(hidden: int, dimension: int) -> dict[str, Any]:
    """Operations of a step's matrix products over its time, as a share of a large product's."""
    settings = FlowSettings.of(
        seeds=64, couplings=COUPLINGS, hidden=hidden, depth=2, batch=PEAK_BATCH, device="cpu"
    )
    resolved = resolve(settings)
    count = resolved.ensemble_size or 1
    ensemble = Ensemble(BimodalTarget(SEPARATION, dimension), resolved, range(count))
    square, out = torch.randn(LARGE, LARGE), torch.empty(LARGE, LARGE)
    large = lambda: torch.mm(square, square, out=out)  # noqa: E731
    step, product = medians(
        lambda: ensemble.step(ensemble.loss()), large, rounds=7, repeats=2 if hidden < 512 else 1
    )
    ours = count * operations(hidden, dimension) / step / 1e6
    peak = 2 * LARGE**3 / product / 1e6
    return {
        "name": f"flows_vs_peak_h{hidden}_d{dimension}",
        "ratio": ours / peak,
        "ours": ours,
        "theirs": peak,
        "unit": "10^9 operations a second",
        "note": f"{count} flows of {COUPLINGS} couplings of 2 x {hidden}, d = {dimension}, batch"
        f" {PEAK_BATCH}: the step's matrix products over its whole time, against a product of"
        f" {LARGE} x {LARGE} matrices",
    }


def operations(hidden: int, dimension: int) -> int:
    """Operations of the matrix products in a step of one flow: two for each weight and sample
    forward and four backward, but two where the input is noise."""
    half = dimension // 2
    weights = half * hidden + hidden * hidden + hidden * dimension
    return PEAK_BATCH * (COUPLINGS * 6 * weights - 2 * half * hidden)


def medians(*steps: Step, rounds: int = 15, repeats: int = 4) -> list[float]:
    """The median CPU time of each step in ms, by turns so that all see the same machine.

    CPU time, not wall time: on one core they agree, but for what other processes take away.
    """
    times: list[list[float]] = [[] for _ in steps]
    for step in steps:
        for _ in range(3):
            step()
    for _ in range(rounds):
        for step, mine in zip(steps, times, strict=True):
            start = time.process_time()
            for _ in range(repeats):
                step()
            mine.append((time.process_time() - start) / repeats * 1e3)
    return [statistics.median(values) for values in times]


def ours() -> Step:
    """A step of an ensemble of `SEEDS` flows."""
    settings = FlowSettings.of(
        seeds=SEEDS,
        couplings=COUPLINGS,
        hidden=HIDDEN,
        depth=2,
        batch=BATCH,
        learning_rate=LEARNING_RATE,
        clip=CLIP,
        device="cpu",
    )
    target = BimodalTarget(SEPARATION, DIMENSION)
    ensemble = Ensemble(target, resolve(settings), range(SEEDS))
    return lambda: ensemble.step(ensemble.loss())


def gemm() -> Step:
    """The matrix products of the same step, forward and backward, into memory that is ready."""
    shapes = list(itertools.pairwise(WIDTHS))
    layers = []
    for fan_in, fan_out in shapes:
        x, gradient = torch.randn(SEEDS, BATCH, fan_in), torch.randn(SEEDS, BATCH, fan_out)
        weight, bias = torch.randn(SEEDS, fan_in, fan_out), torch.randn(SEEDS, 1, fan_out)
        layers.append((x, weight, bias, gradient, *map(torch.empty_like, (gradient, x, weight))))

    def step() -> None:
        for _ in range(COUPLINGS):
            for x, weight, bias, gradient, y, x_gradient, weight_gradient in layers:
                torch.baddbmm(bias, x, weight, out=y)
                torch.bmm(gradient, weight.mT, out=x_gradient)
                torch.bmm(x.mT, gradient, out=weight_gradient)

    return step


def log_target(x: Tensor) -> Tensor:
    """log p(x) of the same target, up to a constant."""
    along = SEPARATION * x.sum(-1) / math.sqrt(DIMENSION)
    return torch.logaddexp(along, -along) - 0.5 * x.square().sum(-1)


def _trained(module: torch.nn.Module, loss: Callable[[], Tensor]) -> Step:
    """A step of the same optimiser on any torch module, which must be as large as ours."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    _check_size(sum(p.numel() for p in parameters))
    optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()

    return step


def zuko() -> Step:
    """zuko, eager, with the base on the side from which sampling costs one pass."""
    import zuko

    made = zuko.flows.RealNVP(DIMENSION, transforms=COUPLINGS, hidden_features=(HIDDEN, HIDDEN))
    flow = zuko.flows.Flow(made.transform.inv, made.base)

    def loss() -> Tensor:
        x, log_q = flow().rsample_and_log_prob((BATCH,))
        return (log_q - log_target(x)).mean()

    return _trained(flow, loss)


def normflows() -> Step:
    """normflows, eager."""
    import normflows

    flows = []
    for _ in range(COUPLINGS):
        network = normflows.nets.MLP(WIDTHS)
        flows.append(normflows.flows.AffineCouplingBlock(network))
        flows.append(normflows.flows.Permute(DIMENSION, mode="swap"))
    base = normflows.distributions.DiagGaussian(DIMENSION, trainable=False)
    model = normflows.NormalizingFlow(base, flows)

    def loss() -> Tensor:
        x, log_q = model.sample(BATCH)
        return (log_q - log_target(x)).mean()

    return _trained(model, loss)


def flowjax() -> Step:
    """FlowJAX, compiled by jit, with Adam from optax; the time to compile is left out."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import optax
    import paramax
    from flowjax.distributions import Normal
    from flowjax.flows import coupling_flow
    from flowjax.train.losses import ElboLoss

    flow = coupling_flow(
        jax.random.key(0),
        base_dist=paramax.non_trainable(Normal(jnp.zeros(DIMENSION))),
        flow_layers=COUPLINGS,
        nn_width=HIDDEN,
        nn_depth=2,
        invert=False,
    )
    fixed = lambda leaf: isinstance(leaf, paramax.NonTrainable)  # noqa: E731
    parameters, static = eqx.partition(flow, eqx.is_inexact_array, is_leaf=fixed)
    _check_size(sum(leaf.size for leaf in jax.tree.leaves(parameters)))

    def log_density(x: Any) -> Any:
        along = SEPARATION * x.sum() / math.sqrt(DIMENSION)
        return jnp.logaddexp(along, -along) - 0.5 * jnp.square(x).sum()

    loss = ElboLoss(log_density, BATCH)
    optimizer = optax.chain(optax.clip_by_global_norm(CLIP), optax.adam(LEARNING_RATE))

    @eqx.filter_jit
    def update(parameters: Any, state: Any, key: Any) -> Any:
        key, own = jax.random.split(key)
        gradient = jax.grad(loss)(parameters, static, own)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(parameters, updates), state, key

    carried = (parameters, optimizer.init(parameters), jax.random.key(1))

    def step() -> None:
        nonlocal carried
        carried = jax.block_until_ready(update(*carried))

    return step


def _check_size(count: int) -> None:
    expected = RealNVP(DIMENSION, COUPLINGS, HIDDEN, 2).bounds.size
    if count != expected:
        raise RuntimeError(f"{count} parameters, not {expected}: the comparison would not be fair")
