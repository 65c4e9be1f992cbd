"""A network, and everything that can be asked of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cnncalc import network as graph
from cnncalc.api.advice.advisable import Advisable
from cnncalc.api.analysis import Analysis, ReceptiveField
from cnncalc.api.conversions import Conversions
from cnncalc.api.errors import CnncalcError, check_networks, list_texts
from cnncalc.api.guard import public_errors
from cnncalc.api.teaching.exercises import Exercises
from cnncalc.shape import Shape

if TYPE_CHECKING:
    from cnncalc.analyses.budget import Policy
    from cnncalc.api.checks import CheckReport
    from cnncalc.api.comparison import Comparison
    from cnncalc.api.deployment import Deployment, Device
    from cnncalc.api.drawing import Drawing
    from cnncalc.api.files.reports import Report
    from cnncalc.api.memory import Memory
    from cnncalc.api.pages import Explanation
    from cnncalc.api.reconciliation import Reconciliation
    from cnncalc.api.verification import Verification


class Network(Advisable, Conversions, Exercises):
    """A network in which every shape is known. `cnncalc.load` returns it, and it is immutable.

    `str()` is the table of `cnncalc analyze`, `len()` the number of layers, and `network["conv1"]` a layer.

    Attributes
    ----------
    name, source, description : str
        From the file; empty if it does not have them.
    spec : str
        Where it was read from.
    """

    resize: Callable[[Mapping[str, str]], graph.Network] | None = None  # reads it for other input shapes

    @classmethod
    def of(cls, network: graph.Network, resize: Callable[[Mapping[str, str]], graph.Network] | None = None) -> Network:
        """Wrap an internal network."""
        values = {name: getattr(network, name) for name in graph.Network._names}
        return cls(**values, resize=resize)

    def with_input(self, shape: str | Sequence[int] | Mapping[str, str | Sequence[int]]) -> Network:
        """Return the network for another input shape.

        Parameters
        ----------
        shape : str, sequence of int, or mapping
            Channels last without the batch, such as `"448x448x3"` or `(448, 448, 3)`. For several inputs, a mapping from
            their names.

        Raises
        ------
        CnncalcError
            If a layer does not accept the shape, or the network cannot be rebuilt.
        """
        resize = self.resize
        if resize is None:
            raise CnncalcError.of("this network cannot be read again: load it with the other input shape", "limit")
        with public_errors():
            return Network.of(resize(shape_texts(shape)), resize)

    def with_only_input(self, shape: Shape) -> graph.Network:
        """Return the internal network for another shape of its only input, with internal errors."""
        if self.resize is None:
            raise CnncalcError.of("this network cannot be read again: load it with the other input shape", "limit")
        return self.resize({"": str(shape)})

    def analyze(self, batch: int = 1, dtype: str = "float32", *, training: bool = False) -> Analysis:
        """Return the shapes, activations, parameters and multiply-adds of every layer, with totals.

        Parameters
        ----------
        batch : int
            Examples per batch. It matters for memory only: counts are for one example.
        dtype : str
            Type of all numbers, such as `float32`, `float16` or `int8`.
        training : bool
            Also compute what each layer saves for the backward pass, for the columns `saved` and `live`.

        Examples
        --------
        >>> import cnncalc
        >>> cnncalc.load("vgg16").analyze().totals.params
        138357544
        """
        return Analysis.of(self, batch, dtype, training=training)

    def memory(
        self,
        batch: int = 1,
        dtype: str = "float32",
        *,
        optimizer: str = "sgd",
        amp: str | bool | None = None,
        mode: str = "both",
        inplace: bool | None = None,
        checkpoint: str | Sequence[str] = (),
        fit: int | str | None = None,
        fit_input: int | str | None = None,
    ) -> Memory:
        """Return the peak memory of training and inference, to the byte.

        Parameters
        ----------
        batch, dtype
            As for `analyze`.
        optimizer : str
            Optimizer whose state is counted: sgd, momentum, nesterov, adam, adamw, rmsprop, ...
        amp : str or bool, optional
            Mixed precision like `torch.autocast` on CUDA: `float16` (or True) or `bfloat16`.
        mode : str
            `train`, `infer` or `both`.
        inplace : bool, optional
            Override `inplace` of all activations.
        checkpoint : str or sequence of str
            Blocks whose inside is recomputed in the backward pass.
        fit, fit_input : int or str, optional
            Bytes, or a text such as `24GiB`, for which to find the largest batch, or the largest input with equal sides.

        Raises
        ------
        CnncalcError
            If the settings cannot be combined, or do not suit the network.
        ValueError
            If a value is not one of the choices.

        Examples
        --------
        >>> import cnncalc
        >>> cnncalc.load("resnet18").memory(batch=8, optimizer="adam").training_peak
        350200680
        """
        from cnncalc.api.memory import measure_memory, parse_setting

        blocks = (checkpoint,) if isinstance(checkpoint, str) else tuple(checkpoint)
        half = "float16" if amp is True else amp or None
        setting, size, input_size = parse_setting(
            fit, fit_input, batch=batch, dtype=dtype, optimizer=optimizer, mode=mode, amp=half, inplace=inplace,
            checkpoint=blocks,
        )  # fmt: skip
        return measure_memory(self, setting, size, input_size)

    def fit(
        self, size: int | str, *, mode: str = "train", dtype: str = "float32", optimizer: str = "sgd",
        amp: str | bool | None = None,
    ) -> int:  # fmt: skip
        """Return the largest batch whose peak fits in `size`; 0 if not even one example does.

        Parameters
        ----------
        size : int or str
            Bytes, or a text such as `24GiB`.
        mode : str
            `train` or `infer`.
        dtype, optimizer, amp
            As for `memory`.

        Examples
        --------
        >>> import cnncalc
        >>> cnncalc.load("resnet50").fit("24GiB", optimizer="adam")
        293
        """
        if mode not in ("train", "infer"):
            raise ValueError(f"mode must be train or infer, not {mode!r}")
        fit = self.memory(1, dtype, optimizer=optimizer, amp=amp, mode=mode, fit=size).fit
        assert fit is not None
        largest = fit.training if mode == "train" else fit.inference
        assert largest is not None
        return largest.batch

    def receptive_field(self, layer: str | None = None) -> ReceptiveField | None:
        """Return the receptive field of a layer, or of the only output. None if it is not known.

        Raises
        ------
        KeyError
            If no layer has this name.
        """
        if layer is not None:
            return self[layer].receptive_field
        outputs = set(self.outputs)
        if len(outputs) != 1:
            raise KeyError(f"the network has {len(outputs)} outputs: name a layer")
        return self._analysis.layers[outputs.pop()].receptive_field

    def explain(self, *layers: str) -> Explanation:
        """Show how the figures of these layers are calculated, or of all layers if there are no names.

        Raises
        ------
        KeyError
            If no layer has this name.
        """
        return self._analysis.explain(*layers)

    def compare(self, *others: Network, batch: int = 1, dtype: str = "float32") -> Comparison:
        """Compare with other networks: totals with differences and ratios, and for two networks the layers as a diff."""
        from cnncalc.api.comparison import Comparison

        check_networks(others)
        return Comparison.of([Analysis.of(network, batch, dtype) for network in (self, *others)])

    def report(
        self, *others: Network, batch: int = 1, dtype: str = "float32", optimizer: str = "sgd",
        limits: Mapping[str, int | str] | None = None,
    ) -> Report:  # fmt: skip
        """Return a report to share, with the picture, layers with their calculation, totals, memory and receptive field.

        Parameters
        ----------
        *others, batch, dtype, optimizer, limits
            As for `compare`, `memory` and `advise`, with the same errors. With other networks, it begins with a comparison.

        Examples
        --------
        >>> import cnncalc
        >>> cnncalc.load("lenet5").report().to_html().startswith("<!doctype html>")
        True
        """
        from cnncalc.api.files.reports import make_report

        check_networks(others)
        return make_report((self, *others), batch, dtype, optimizer, limits)

    def check(
        self,
        policy: str | os.PathLike[str] | Policy | None = None,
        *,
        limits: Mapping[str, int | str] | None = None,
        input: str | Sequence[int] | None = None,
        output: str | Sequence[int] | None = None,
        only: Sequence[str] | None = None,
    ) -> CheckReport:
        """Check the network against a policy or limits. `cnncalc.check` describes the arguments and checks files.

        Examples
        --------
        >>> import cnncalc
        >>> bool(cnncalc.load("vgg16").check(limits={"params": "100M"}))
        False
        """
        from cnncalc.api.checks import check_one, make_policy

        return check_one(self, make_policy(policy, limits, input=input, output=output), only)

    def reconcile(
        self,
        tool: str | Sequence[str] | None = None,
        printed: str | None = None,
        *,
        written: Mapping[str, str] | None = None,
    ) -> Reconciliation:
        """Return what other tools print for the network, to the digit, as a sum of named addends.

        Parameters
        ----------
        tool : str or sequence of str, optional
            thop, ptflops, ptflops-aten, fvcore, torchinfo, calflops, flop_counter, onnx-tool, keras or timm; all of them
            by default.
        printed : str, optional
            A number that was printed somewhere, such as `4.13G`, to find what explains it.
        written : mapping, optional
            How the program writes kinds of layers, or single layers, such as `{"relu": "function"}`.

        Raises
        ------
        CnncalcError
            If the printed number, or a way of writing a layer, cannot be read.
        ValueError
            If a tool is unknown.

        Examples
        --------
        >>> import cnncalc
        >>> cnncalc.load("resnet50").reconcile("thop").results[0].value
        4133742592
        >>> [match.tool for match in cnncalc.load("resnet50").reconcile(printed="8.1784 GFLOPs").explanation.matches]
        ['flop_counter']
        """
        from cnncalc.api.reconciliation import reconcile_network

        tools = list_texts("tool", tool or ())
        return reconcile_network(self, tools, printed, written)

    def deploy(
        self,
        dtype: str = "int8",
        *,
        device: str | os.PathLike[str] | Device | Sequence[str | os.PathLike[str] | Device] = (),
        batch: int = 1,
    ) -> Deployment:
        """Return flash, activation memory and bytes moved for deployment, and how the network runs on devices.

        Parameters
        ----------
        dtype : str
            Type of weights and activations. With `int8`, biases have 32 bits.
        device : str, path or Device, or a sequence of them
            Names from the table in docs/deploy.md, or YAML files with `memory`, `storage`, `bandwidth` and `peaks`.
        batch : int
            Examples per batch.

        Raises
        ------
        CnncalcError
            If a device is unknown, or a device file is invalid.
        ValueError
            If the dtype is unknown.

        Examples
        --------
        >>> import cnncalc
        >>> found = cnncalc.load("mlperf_tiny_vww").deploy(device="stm32h743")
        >>> found.peak, found.devices[0].fits
        (55296, 'yes')
        """
        from cnncalc.api.deployment import deploy_network, find_devices

        return deploy_network(self, dtype, batch, find_devices(device))

    def verify(self, framework: str = "torch") -> Verification:
        """Build the network in PyTorch (`torch`) or Keras (`keras`), without data, and compare every layer.

        Raises
        ------
        CnncalcError
            If a layer has no counterpart in the framework, or the framework is not installed.
        """
        from cnncalc.api.verification import FRAMEWORKS, Verification
        from cnncalc.verify import verify
        from cnncalc.writers.blocks import Unexportable

        if framework not in FRAMEWORKS:
            raise ValueError(f"framework must be one of {', '.join(FRAMEWORKS)}, not {framework!r}")
        try:
            with public_errors():
                return Verification(**vars(verify(self, framework)))
        except Unexportable as error:
            raise CnncalcError.of(str(error), "limit") from error

    def draw(
        self,
        view: str = "auto",
        *,
        batch: int = 1,
        dtype: str = "float32",
        theme: str = "auto",
        depth: int | None = None,
        horizontal: bool = False,
        show: str | Sequence[str] = (),
        color_by: str = "kind",
        highlight: str | Sequence[str] = (),
        legend: bool = True,
        width: str | float | None = None,
        layer: str | None = None,
        receptive_field: str | None = None,
        against: Network | None = None,
        mode: str = "train",
        optimizer: str = "sgd",
    ) -> Drawing:
        """Draw the network.

        Parameters
        ----------
        view : str
            `volumes`, `graph`, `memory`, or `auto` for whichever of the first two suits the network.
        batch, dtype
            As for `analyze`.
        theme : str
            `light`, `dark`, or `auto`, which in SVG supports both.
        depth, horizontal
            For the graph view: fold blocks below a level, and draw from left to right.
        show : str or sequence of str
            Figures to write on the picture: params, macs, memory, rf.
        color_by : str
            What colours mean: kind, params, macs, memory or stage.
        highlight : str or sequence of str
            Layers to emphasise.
        legend : bool
            Whether to explain colours and sizes.
        width : str or float, optional
            Width of the picture: text such as `180mm`, or points.
        layer, receptive_field : str, optional
            Draw one convolution, or what one cell of a layer sees, as a slide for a lecture.
        against : Network, optional
            Draw the differences from another network.
        mode, optimizer : str
            For the memory view.

        Raises
        ------
        CnncalcError
            If an option names a layer that does not exist, or that the picture cannot show.
        ValueError
            If a value is not one of the choices.

        Examples
        --------
        >>> import cnncalc
        >>> cnncalc.load("lenet5").draw().svg.startswith("<svg")
        True
        """
        from cnncalc.api.drawing import Options, draw_network, points_of

        options = Options(
            view=view,
            depth=depth,
            horizontal=horizontal,
            show=(show,) if isinstance(show, str) else tuple(show),
            color_by=color_by,
            highlight=(highlight,) if isinstance(highlight, str) else tuple(highlight),
            legend=legend,
            width=points_of(width),
            layer=layer,
            receptive_field=receptive_field,
            against=None if against is None else against.analyze(batch, dtype),
            mode=mode,
            optimizer=optimizer,
        )
        return draw_network(self.analyze(batch, dtype), options, theme)


def shape_texts(shape: str | Sequence[int] | Mapping[str, str | Sequence[int]] | None) -> dict[str, str]:
    """Return input shapes as text by the name of the input; "" means the only input.

    >>> shape_texts((32, 32, 3))
    {'': '32x32x3'}
    """
    if shape is None:
        return {}
    if isinstance(shape, Mapping):
        return {name: _shape_text(inner) for name, inner in shape.items()}
    return {"": _shape_text(shape)}


def _shape_text(shape: str | Sequence[int]) -> str:
    if not isinstance(shape, Iterable):
        raise TypeError(f"a shape must be text or a sequence such as (32, 32, 3), not {shape!r}")
    return shape if isinstance(shape, str) else "x".join(map(str, shape))
