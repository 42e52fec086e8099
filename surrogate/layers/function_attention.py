"""What attention of query points to functions on points of their own has in common, whatever its kind."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from surrogate.datasets.errors import expected


class FunctionAttention(nn.Module):
    """The linear maps of query, keys, values and output: see `LinearAttention`. A subclass says how points meet."""

    kinds: ClassVar[tuple[str, ...]]

    def __init__(
        self, channels: int, *, n_functions: int, n_heads: int, kind: str, average: bool, dropout: float
    ) -> None:
        super().__init__()
        if kind not in self.kinds:
            raise expected(f"attention out of {', '.join(self.kinds)}", repr(kind), "Correct the name.")
        if channels % n_heads:
            raise expected("hidden_channels divisible by n_heads", (channels, n_heads), "Change one of them.")
        self.n_heads, self.kind = n_heads, kind
        self.scale = 1 / n_functions if average and n_functions else 1.0
        self.query = nn.Linear(channels, channels)
        if kind != "identity":
            self.keys = nn.ModuleList(nn.Linear(channels, channels) for _ in range(n_functions))
        self.values = nn.ModuleList(nn.Linear(channels, channels) for _ in range(n_functions))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(channels, channels)
