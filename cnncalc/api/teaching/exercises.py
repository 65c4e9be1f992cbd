"""What a network offers for teaching: worksheets, and the mistakes behind wrong answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncalc.api.analysis import Analysis
from cnncalc.api.errors import CnncalcError, check_count, check_whole, list_texts
from cnncalc.api.structure import Structure

if TYPE_CHECKING:
    from cnncalc.analyses.mistakes.recognition import Mistake
    from cnncalc.api.teaching.material import Worksheets


class Exercises(Structure):
    """What a network offers for teaching. The public class is `Network`."""

    def worksheet(
        self,
        hide: Sequence[str] = ("output", "params"),
        only: Sequence[str] = (),
        *,
        variants: int | None = None,
        seed: int | None = None,
        batch: int = 1,
        dtype: str = "float32",
        accept: str = "separators",
    ) -> Worksheets:
        """Make worksheets: the table with blanks, and a key with the working.

        Parameters
        ----------
        hide : sequence of str
            The figures that are left blank: output, activations, memory, params, weights, biases, macs, rf.
        only : sequence of str
            Kinds of layers, or families such as `pool`, whose figures are left blank; by default all.
        variants : int, optional
            How many worksheets to make, about different networks with the same layers that are equally hard.
        seed : int, optional
            Chooses the variants. The same seed gives the same variants everywhere.
        accept : str
            How numbers may be written, for grading: `exact` (1792), `separators` (also 1,792) or `rounded` (also 1.79k).

        Raises
        ------
        CnncalcError
            If there is nothing to ask, or there are fewer variants than requested.

        Examples
        --------
        >>> import cnncalc
        >>> cnncalc.load("lenet5").worksheet(only=["conv"], variants=30, seed=7)
        <Worksheets: 30 about 'LeNet-5', 210 blanks>
        """
        from cnncalc.api.teaching.material import Worksheets, check_word
        from cnncalc.teaching.key import ACCEPT
        from cnncalc.teaching.variants import MOST, NoVariants
        from cnncalc.teaching.worksheet import COLUMNS, NoSuchKind, NothingToAsk, worksheets

        hide, only = list_texts("hide", hide), list_texts("only", only)
        for name in hide:
            check_word("hide", name, COLUMNS)
        check_word("accept", accept, ACCEPT)
        if variants is not None:
            check_count("variants", variants, MOST)
        if seed is not None:
            check_whole("seed", seed)
        try:
            sheets = worksheets(
                self, hide, only, variants=variants, seed=seed, batch=batch, dtype=dtype, accept=accept
            )  # fmt: skip
        except NoSuchKind as error:
            raise CnncalcError.of(str(error), "option", "--only") from None
        except (NothingToAsk, NoVariants) as error:
            raise CnncalcError.of(str(error), "limit") from None
        return Worksheets(tuple(sheets))

    def explain_mistake(
        self,
        layer: str | None,
        quantity: str,
        answer: int | str | Sequence[int],
        *,
        batch: int = 1,
        dtype: str = "float32",
    ) -> tuple[Mistake, ...]:
        """Find the common mistakes that give exactly this wrong answer.

        Parameters
        ----------
        layer : str or None
            The name of a layer, or None for the whole network.
        quantity : str
            output, params, weights, biases, macs, activations, conv_activations, memory (in bytes) or receptive_field.
        answer : int, str or sequence of int
            The answer, such as `1728`, `"1.73k"`, `"30x30x64"` or `(30, 30, 64)`.

        Returns
        -------
        tuple of Mistake
            Each with its `name`, a `title`, the arithmetic that gives the answer (`text`), and `advice`. Empty if the answer
            is right, or no common mistake gives it.

        Raises
        ------
        KeyError
            If no layer has this name.
        ValueError
            If the answer is not a shape or number, or the quantity does not exist or is not known.

        Examples
        --------
        >>> import cnncalc
        >>> network = cnncalc.load("vgg16")
        >>> network.explain_mistake("Stage1.conv1", "params", 1728)[0].text
        'weights without the biases: 3*3*3*64 = 1,728'
        >>> network.explain_mistake("Stage1.conv1", "params", 1792)
        ()
        """
        from cnncalc.analyses.mistakes.question import ASKED, ask
        from cnncalc.analyses.mistakes.recognition import recognize
        from cnncalc.api.teaching.material import check_word
        from cnncalc.teaching.answers import parse_answer

        check_word("quantity", quantity, ASKED)
        analysis = Analysis.of(self, batch, dtype)
        question = ask(analysis, quantity, None if layer is None else analysis.find(layer))
        if question is None:
            raise ValueError(f"the {quantity} of {layer or 'this network'} is not known")
        text = answer if isinstance(answer, str) else "x".join(map(str, _sizes(answer)))
        parsed = parse_answer(text, quantity)
        if parsed is None:
            raise ValueError(f"{answer!r} is not an answer about {quantity}")
        return recognize(question, parsed)


def _sizes(answer: int | Sequence[int]) -> Sequence[int]:
    return (answer,) if isinstance(answer, int) else answer
