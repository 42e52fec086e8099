from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from surrogate.datasets.errors import InputError
from surrogate.layers import FactorizedAttention
from surrogate.layers.grid_axis import grid_axes
from surrogate.models import FNO, GNOT, FactFormer, GalerkinTransformer, IFactFormer, attention_twins

NETWORKS = {
    "galerkin": lambda: GalerkinTransformer(1, 1, dim=1, hidden_channels=8, n_heads=2, n_frequencies=3, periodic=True),
    "fourier": lambda: GalerkinTransformer(
        1, 1, dim=2, attention="fourier", hidden_channels=8, n_frequencies=3, coarse_shape=5
    ),
    "factorized": lambda: FactFormer(1, 1, dim=2, hidden_channels=8, n_layers=2, n_heads=2, head_channels=4),
    "factorized, parallel": lambda: IFactFormer(1, 1, hidden_channels=8, n_heads=2, head_channels=4),
    "factorized, iterated": lambda: IFactFormer(1, 1, hidden_channels=8, n_heads=2, head_channels=4, parallel=False),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_twins_differ_in_their_attention_only(name):
    torch.manual_seed(0)
    network, kind = NETWORKS[name]().double().eval(), name.partition(",")[0]
    state = torch.get_rng_state()
    twins = attention_twins(network)
    assert torch.equal(torch.get_rng_state(), state)
    assert list(twins) == [kind, "softmax", "identity"]
    assert twins[kind] is network
    own = network.state_dict()
    assert own.keys() == twins["softmax"].state_dict().keys()
    for twin in twins.values():
        assert not twin.training
        assert all(torch.equal(own[name], value) for name, value in twin.state_dict().items())
    x = torch.randn(2, 1, *[10] * network.dim, dtype=torch.float64)
    results = [twin(x) for twin in twins.values()]
    for i, one in enumerate(results):
        for two in results[i + 1 :]:
            assert (one - two).detach().norm() > 1e-6 * one.detach().norm()


def test_twins_of_networks_on_points_keep_their_attention_to_functions():
    torch.manual_seed(0)
    network = GNOT([1], 1, dim=2, hidden_channels=8, n_layers=1, options={"attention": "galerkin"})
    twins = attention_twins(network)
    assert list(twins) == ["galerkin", "softmax", "identity"]
    own, other = network.blocks[0], twins["identity"].blocks[0]
    assert own.cross.kind == other.cross.kind == "galerkin"
    assert (own.attention.kind, other.attention.kind) == ("galerkin", "identity")
    assert all(torch.equal(network.state_dict()[name], value) for name, value in twins["softmax"].state_dict().items())
    assert network.state_dict().keys() == twins["softmax"].state_dict().keys()


def test_without_attention_points_do_not_see_each_other():
    """In all that stands before the decoder, whose convolutions mix points in every twin."""
    torch.manual_seed(0)
    network = attention_twins(NETWORKS["galerkin"]().double())["identity"]
    x = torch.randn(1, 12, 8, dtype=torch.float64)
    other = x.clone()
    other[:, 5] += 1
    points = torch.rand(1, 12, 1, dtype=torch.float64)
    changed = (network.layers[0](x, points) - network.layers[0](other, points)).abs().amax(-1)[0] > 0
    assert changed.nonzero().flatten().tolist() == [5]


def test_softmax_over_each_axis_is_a_mean_with_the_quadrature_weights():
    """With query and key zero all points count by what they stand for; else the weights are those of the definition."""
    torch.manual_seed(0)
    layer = FactorizedAttention(
        8, n_heads=2, head_channels=4, kernel_multiplier=2, dim=1, kind="softmax", norm="instance"
    ).double()
    points = torch.tensor([0.0, 0.1, 0.3, 0.6, 1.0], dtype=torch.float64)[None, :, None]
    (axis,) = axes = grid_axes(points, [False])
    u = torch.randn(1, 5, 8, dtype=torch.float64)
    (kernel,) = layer.kernels(u, axes)
    definition = axis.weights[0] * (kernel / 8**0.5).exp()  # of rank 2 * 4
    scaled = layer._scaled(kernel, axis)
    torch.testing.assert_close(scaled, definition / definition.sum(-1, keepdim=True))
    torch.testing.assert_close(layer._scaled(0 * kernel, axis), axis.weights[0].expand_as(kernel))
    value = F.linear(F.layer_norm(u, (8,)), layer.value.weight)[0]
    mixed = torch.cat([scaled[0, head] @ value[:, 4 * head : 4 * head + 4] for head in (0, 1)], dim=-1)
    weights = axis.weights[0][:, None]
    mixed = mixed - (weights * mixed).sum(0)
    mixed = mixed / ((weights * mixed.square()).sum(0) + 1e-12).sqrt()
    torch.testing.assert_close(layer(u, axes)[0], layer.output(mixed))


def test_networks_without_a_choice_are_refused():
    with pytest.raises(InputError, match=r"Expected a network with a choice of `attention`, got FNO. It has no twins"):
        attention_twins(FNO(1, 1, dim=1, hidden_channels=4, n_layers=1))
    with pytest.raises(InputError, match="Expected a network with attention, got attention 'identity'"):
        attention_twins(GalerkinTransformer(1, 1, dim=1, attention="identity"))
    with pytest.raises(InputError, match="Expected attention out of factorized, softmax, identity, got 'linear'"):
        FactFormer(1, 1, options={"attention": "linear"})
