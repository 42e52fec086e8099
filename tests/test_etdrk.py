"""Coefficients against high precision, order against exact solutions, round-off in float32."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import mpmath
import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.solvers.etdrk import ETDRK1, ETDRK2, ETDRK3, ETDRK4
from surrogate.solvers.imex import ARS222, ARS443
from surrogate.solvers.schemes import ORDERS, SCHEMES, Scheme, SchemeName, scheme_named

Formulas = dict[str, Callable[[mpmath.mpc], mpmath.mpc]]
FOURTH: Formulas = {
    "half_growth": lambda z: mpmath.exp(z / 2) - 1,
    "growth": lambda z: mpmath.exp(z) - 1,
    "half": lambda z: (mpmath.exp(z / 2) - 1) / z,
    "first": lambda z: (-4 - z + mpmath.exp(z) * (4 - 3 * z + z**2)) / z**3,
    "middle": lambda z: 2 * (2 + z + mpmath.exp(z) * (z - 2)) / z**3,
    "last": lambda z: (-4 - 3 * z - z**2 + mpmath.exp(z) * (4 - z)) / z**3,
}
FORMULAS: dict[SchemeName, Formulas] = {
    "ETDRK1": {"growth": FOURTH["growth"], "start": lambda z: (mpmath.exp(z) - 1) / z},
    "ETDRK2": {
        "growth": FOURTH["growth"],
        "start": lambda z: (mpmath.exp(z) - 1) / z,
        "slope": lambda z: (mpmath.exp(z) - 1 - z) / z**2,
    },
    "ETDRK3": FOURTH
    | {"whole": lambda z: (mpmath.exp(z) - 1) / z, "middle": lambda z: 4 * (2 + z + mpmath.exp(z) * (z - 2)) / z**3},
    "ETDRK4": FOURTH,
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("angle", [0.0, 0.3, 0.5, 0.75, 1.0, 1.5], ids=lambda a: f"{a}pi")
def test_coefficients_have_all_digits(angle: float, name: SchemeName) -> None:
    moduli = torch.logspace(-6, 2, 97, dtype=torch.float64)
    z = moduli * torch.tensor([complex(mpmath.expjpi(angle))], dtype=torch.complex128)
    scheme = SCHEMES[name].of(z, 1.0)._asdict()
    assert set(scheme) == set(FORMULAS[name])
    with mpmath.workdps(60):
        for coefficient, formula in FORMULAS[name].items():
            for point, value in zip(z.tolist(), scheme[coefficient].tolist(), strict=True):
                exact = formula(mpmath.mpmathify(point))
                # The terms of the formulas are up to 50 times the result at |z| = 1, and e^z inherits |z| eps.
                assert abs(mpmath.mpmathify(value) - exact) <= (2e-14 + 2e-16 * abs(point)) * abs(exact), (
                    coefficient,
                    point,
                )


def test_coefficients_at_zero_are_those_of_runge_kutta() -> None:
    """Euler, Heun, Kutta of order three and four."""
    expected = {
        ETDRK1: [0, 0.5],
        ETDRK2: [0, 0.5, 0.5 / 2],
        ETDRK3: [0, 0, 0.5 / 2, 0.5, 0.5 / 6, 4 * 0.5 / 6, 0.5 / 6],
        ETDRK4: [0, 0, 0.5 / 2, 0.5 / 6, 0.5 / 3, 0.5 / 6],
    }
    for scheme, values in expected.items():
        coefficients = scheme.of(torch.zeros(1, dtype=torch.float64), 0.5)
        assert [c.item() for c in coefficients] == pytest.approx(values, rel=1e-15, abs=1e-300)


def test_a_real_symbol_has_real_coefficients_equal_to_those_of_the_complex_one() -> None:
    symbol = -torch.logspace(-6, 3, 40, dtype=torch.float64)
    for real, complex_ in zip(ETDRK4.of(symbol, 0.1), ETDRK4.of(symbol + 0j, 0.1), strict=True):
        assert not real.is_complex()
        assert real == pytest.approx(complex_.real, rel=1e-14)


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("rate", [-3.0, 3j, -2 + 4j], ids=str)
def test_order_is_declared_for_dissipative_and_dispersive_symbols(rate: complex, name: SchemeName) -> None:
    r"""The equation :math:`v' = c v - v^2` has the solution :math:`c / (1 + (c / v_0 - 1) e^{-c t})`."""
    start, time = 0.8 + 0.1j, 1.0
    exact = rate / (1 + (rate / start - 1) * torch.tensor(-rate * time, dtype=torch.complex128).exp().item())
    errors = []
    for steps in (40, 80, 160):
        scheme = SCHEMES[name].of(torch.tensor([rate], dtype=torch.complex128), time / steps)
        v = torch.tensor([start], dtype=torch.complex128)
        for _ in range(steps):
            v = scheme(v, lambda v: -v.square())
        errors.append(abs(v.item() - exact))
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert orders == pytest.approx([ORDERS[name]] * 2, abs=0.15)  # the next term is of the order of the step, 1/40


@pytest.mark.parametrize("name", FORMULAS)
def test_exponential_schemes_solve_a_linear_equation_exactly(name: SchemeName) -> None:
    scheme = SCHEMES[name]
    symbol = torch.tensor([-50.0, -1e-3, 7j], dtype=torch.complex128)
    v = scheme.of(symbol, 0.7)(torch.ones(3, dtype=torch.complex128), torch.zeros_like)
    assert v.numpy() == pytest.approx(torch.exp(0.7 * symbol).numpy(), rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("scheme", [ARS222, ARS443])
def test_implicit_schemes_damp_what_is_stiff_and_are_rational_functions_of_the_step(scheme: type[Scheme]) -> None:
    r"""L-stable: :math:`R(z) \to 0`. For ARS222 with :math:`\gamma = 1 - 1/\sqrt 2`, R is known in closed form."""
    z = torch.tensor([-1e9, -1e3, -2.0, -0.1, 3j], dtype=torch.complex128)
    growth = scheme.of(z, 1.0)(torch.ones(5, dtype=torch.complex128), torch.zeros_like)
    assert abs(growth[0]) < 1e-8
    assert (growth.abs() < 1).all()
    if scheme is ARS222:
        gamma = 1 - math.sqrt(0.5)
        assert growth.numpy() == pytest.approx(((1 + (1 - 2 * gamma) * z) / (1 - gamma * z) ** 2).numpy(), rel=1e-9)


@pytest.mark.parametrize("name", SCHEMES)
def test_round_off_of_float32_does_not_grow_with_the_number_of_steps(name: SchemeName) -> None:
    steps = 20_000
    precise = SCHEMES[name].of(torch.tensor([-1.0], dtype=torch.float64), 1 / steps)
    scheme = SCHEMES[name](*(coefficient.float() for coefficient in precise))
    v = torch.ones(1)
    for _ in range(steps):
        v = scheme(v, torch.zeros_like)
    random_walk = math.sqrt(steps) * torch.finfo(torch.float32).eps
    drift_of_the_product = steps * torch.finfo(torch.float32).eps / 4  # what multiplying by a rounded e^z costs
    assert abs(v.item() / math.exp(-1) - 1) < random_walk < drift_of_the_product / 10


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_coefficients_can_be_differentiated(scheme: type[Scheme]) -> None:
    symbol = torch.tensor([0.0, -0.4, -30.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: tuple(scheme.of(s, 0.3)), symbol)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_gradients_flow_through_a_step(scheme: type[Scheme]) -> None:
    symbol = torch.tensor([0.0, -0.4, -30.0], dtype=torch.float64, requires_grad=True)
    v = torch.tensor([0.3, -0.2, 1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s, v: scheme.of(s, 0.3)(v, lambda v: v.roll(1) * v), (symbol, v))


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(InputError, match=r"Expected a scheme out of ETDRK1, .*, ARS443, got 'RK4'"):
        scheme_named("RK4")
