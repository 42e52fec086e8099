"""Progress bars: on a terminal only, and they count to the end."""

from __future__ import annotations

import time

import pytest

from surrogate.progress import EpochBar, progress_bar


def test_hidden_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bar("rollout", 3) as advance:
        advance()
    with EpochBar(2, 0) as bar:
        bar.advance(1.0, 2.0)
    assert capfd.readouterr() == ("", "")


def test_shown_on_a_terminal_on_stderr(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar("rollout", 3, show=False) as advance:
        advance()
    assert capfd.readouterr() == ("", "")
    with progress_bar("rollout", 3) as advance:
        for _ in range(3):
            advance()
    with EpochBar(4, done=1) as bar:
        for _ in range(3):
            bar.advance(0.125, 0.25)
    with progress_bar("generating", 64, done=32, unit="samples") as advance:
        for _ in range(4):
            time.sleep(0.01)
            advance(8)
    out, err = capfd.readouterr()
    assert out == ""
    assert "rollout" in err
    assert "3/3" in err
    assert "4/4" in err
    assert "64/64" in err
    assert "samples/s" in err
    assert "training 1.25e-01, validation 2.50e-01" in err
