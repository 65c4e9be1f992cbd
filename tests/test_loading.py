"""Loading networks without the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cnncalc.loading import LoadError, LoadOptions, OptionError, Spec, load, source_of


def test_importing_loading_does_not_import_click() -> None:
    """A program that loads networks needs no command line; nor does loading a shipped network."""
    code = (
        "import sys; from cnncalc.loading import Spec, load; load(Spec('lenet5')); "
        "print(*[name for name in ('click', 'rich', 'cnncalc.cli') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_options_are_applied() -> None:
    """Inputs, changed fields and frozen layers; and `as_written` leaves out the changes to layers."""
    options = LoadOptions(inputs={"": "64x64x3"}, changes=("conv1.filters=4",), frozen=("conv1",))
    spec = Spec("32x32x3 -> CONV3-16 -> POOL2 -> RELU", line=True)
    network = load(spec, options)
    assert str(network.nodes[0].output) == "64x64x3"
    assert str(network.nodes[-1].output) == "32x32x4"
    assert network.nodes[1].frozen
    original = load(spec, options.as_written())
    assert str(original.nodes[-1].output) == "32x32x16"
    assert not original.nodes[1].frozen


def test_errors_are_exceptions_of_their_own(tmp_path: Path) -> None:
    """A program can catch LoadError, without click; OptionError names the option."""
    with pytest.raises(LoadError, match="no shipped architecture is named `lenet`: did you mean `lenet5`"):
        load(Spec("lenet"))
    with pytest.raises(LoadError, match="there is no file"):
        source_of(Spec(str(tmp_path / "missing.yaml")))
    with pytest.raises(LoadError, match="--freeze: no layer or block named `nowhere`"):
        load(Spec("lenet5"), LoadOptions(frozen=("nowhere",)))
    model = tmp_path / "net.cfg"
    model.write_text("[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=4\nsize=3\n")
    with pytest.raises(OptionError, match="--set cannot change a layer of"):
        load(Spec(str(model)), LoadOptions(changes=("conv1.filters=8",)))
    with pytest.raises(OptionError, match="`many` is not the size of a dimension") as error:
        load(Spec(str(model)), LoadOptions(parameters={"N": "many"}))
    assert error.value.option == "--dim"
