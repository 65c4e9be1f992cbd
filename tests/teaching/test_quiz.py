"""The quiz: questions with one right answer, verdicts, and a dialogue that ends cleanly however its input ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from cnncalc.cli.commands.teaching import quiz as command
from cnncalc.layers.window import Windowed
from cnncalc.loading import Spec, load
from cnncalc.teaching.quiz import TOPICS, Asked, NoQuestions, judge, quiz
from tests.helpers import environment, network_of
from tests.teaching.networks import exam


def plain(asked: Asked) -> str:
    """Return the right answer as a student may type it."""
    return asked.answer.removesuffix(" bytes")


def test_the_command_offers_the_topics() -> None:
    assert tuple(TOPICS) == command.TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_questions_that_are_made_up(topic: str) -> None:
    """They divide exactly, their answer is accepted, a wrong one is not, and a seed gives the same ones."""
    asked = list(quiz(40, 5, topic))
    assert len(asked) == 40
    assert len({one.text for one in asked}) > 25
    for one in asked:
        assert judge(one, plain(one)).right
        wrong = judge(one, "7x7x7x7" if topic in ("shapes", "receptive-field") else "987654321")
        assert wrong.readable
        assert not wrong.right
        assert not judge(one, "what?").readable
        network = one.question.analysis.network
        for node in network.nodes:
            if isinstance(node.layer, Windowed):
                shape = network.shapes(node)[0]
                assert not any(map(Windowed.windows(node.layer, shape)[0].remainder, shape.spatial))
    assert [one.text for one in quiz(40, 5, topic)] == [one.text for one in asked]
    assert [one.text for one in quiz(40, 6, topic)] != [one.text for one in asked]


def test_questions_are_the_same_everywhere() -> None:
    """These are written down, so that another version of Python cannot ask others unnoticed."""
    assert [one.text[0] for one in quiz(3, 5, "params")] == [
        "conv, K = 6, F = 3, S = 1, P = 1, on an input of 64x64x48",
        "conv, K = 8, F = 3, S = 1, P = 1, on an input of 24x24x16",
        "fc, units 10, on an input of 7x7x20",
    ]


def test_questions_about_a_network() -> None:
    """Each at most once, from all topics in turn, and only figures that take a calculation."""
    asked = list(quiz(1000, 1, "", exam()))
    assert len({one.text for one in asked}) == len(asked)
    assert {one.topic for one in asked} == set(TOPICS)
    assert {one.row.node.name for one in asked if one.topic == "params"} == {"conv1", "conv2", "fc1"}
    assert {one.row.node.name for one in asked if one.topic == "receptive-field"} == {
        "conv1",
        "maxpool1",
        "conv2",
        "maxpool2",
    }
    assert len(list(quiz(3, 1, "", exam()))) == 3


def test_receptive_fields_are_asked_along_one_path_only() -> None:
    """The question lists the layers on the path, so it would be incomplete behind a branch."""
    asked = list(quiz(1000, 1, "receptive-field", load(Spec("resnet18"))))
    names = {one.row.node.name for one in asked}
    assert names == {"conv1.conv1", "maxpool1", "conv2_x.Block1.ConvBN1.conv1", "conv2_x.Block1.ConvBN2.conv1"}


def test_a_deep_network_is_asked_about_where_it_can_be_worked_out() -> None:
    """A receptive field through more than a hundred layers is no question, and looking for it took minutes."""
    deep = network_of("input: 64x64x3\nlayers: [{repeat: 2000, seq: [{conv: {filters: 3, kernel: 1}}]}]")
    asked = list(quiz(1000, 1, "receptive-field", deep))
    assert len(asked) == 100


def test_a_network_without_questions() -> None:
    with pytest.raises(NoQuestions, match="no layer of this network is suitable for the topic shapes"):
        quiz(3, 1, "shapes", network_of("input: 8\nlayers: [relu]"))


def test_a_rounded_answer_needs_three_digits() -> None:
    (asked,) = [one for one in quiz(100, 1, "params", exam()) if one.row.node.name == "fc1"]
    assert asked.answer == "15,690"
    for text, right in (
        ("15690", True),
        ("15,690", True),
        ("15.7k", True),
        ("16k", False),
        ("15.6k", False),
        ("15.69k", True),
    ):
        assert judge(asked, text).right is right, text


# -- the dialogue ----------------------------------------------------------------------------------------------------


@pytest.fixture
def typed(ended: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs `quiz` with lines on standard input."""

    def run(text: str, *words: str) -> Any:
        monkeypatch.setattr("sys.stdin", StringIO(text))
        return ended("quiz", *words)

    return run


SEED = ("--topic", "params", "--questions", "3", "--seed", "5")


def test_a_dialogue(typed: Any) -> None:
    """A mistake with its name and the working, the formula on request, an answer that cannot be read, a skipped question."""
    done = typed("2592\n?\nwhat\n1160\n\n", *SEED)
    assert (done.status, done.err) == (0, "")
    lines = [line.strip() for line in done.lines]
    assert "2592 is weights without the biases: 3*3*48*6 = 2,592." in lines
    assert "params: weight + bias = 2,592 + 6 = 2,598" in lines
    assert "weight = F*F*C*K; bias = K; params = weight + bias" in lines
    assert "That cannot be read: type a number such as 1,792 or 1.79k." in lines
    assert "Right." in lines
    assert "It is 9,810." in lines
    assert lines[-1] == "Score: 1 of 3; 1 question was not answered"


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("", "Score: 0 of 3; 3 questions were not answered"),
        ("2598", "Score: 1 of 3; 2 questions were not answered"),  # no line end
        ("2598\nq\n", "Score: 1 of 3; 2 questions were not answered"),
        ("2598\nQUIT\n", "Score: 1 of 3; 2 questions were not answered"),
        ("2598\n1160\n9810\n", "Score: 3 of 3"),
        ("\n\n\n", "Score: 0 of 3; 3 questions were not answered"),
        ("a\nb\nc\n1160\n9810\n", "Score: 2 of 3; 1 question was not answered"),  # three unreadable answers
        ("2592\n1152\n9800\n", "Score: 0 of 3\nMost frequent mistake: biases left out (3 times)"),
        ("\x1b[31m\n" * 3 + "1" * 50_000 + "\n", "Score: 0 of 3; 3 questions were not answered"),
    ],
)
def test_how_a_dialogue_ends(text: str, score: str, typed: Any) -> None:
    done = typed(text, *SEED)
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith(f"\n{score}\n")
    assert "\x1b" not in done.out


@pytest.mark.parametrize(("least", "status"), [("1", 0), ("2", 1)])
def test_a_pass_mark(least: str, status: int, typed: Any) -> None:
    assert typed("2598\n", *SEED, "--pass", least).status == status


def test_a_copy(typed: Any, tmp_path: Path) -> None:
    """The file has what the terminal showed."""
    done = typed("2592\n1160\n", *SEED, "-o", str(tmp_path / "copy.txt"))
    assert (tmp_path / "copy.txt").read_text(encoding="utf-8") == done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--topic", "shape"), "did you mean `shapes`?"),
        (("--questions", "0"), "0 is not in the range"),
        (("nothing_of_the_kind",), "no shipped architecture is named"),
        (("-e", "8 -> RELU", "--topic", "shapes"), "no layer of this network is suitable for the topic shapes"),
        (("-o", "a.json"), "`a.json` ends in `.json`"),
    ],
)
def test_what_cannot_be_asked(words: tuple[str, ...], message: str, typed: Any) -> None:
    done = typed("", *words)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_without_standard_input(ended: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    done = ended("quiz")
    assert (done.status, done.err) == (2, "error: standard input is closed\n")


def test_ctrl_c() -> None:
    """The score is printed, and the status is 130."""
    words = [sys.executable, "-m", "cnncalc", "quiz", *SEED]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("2598\n")
    process.stdin.flush()
    shown = ""
    while "2/3" not in shown:
        shown += process.stdout.read(1)
    while not shown.endswith("> "):
        shown += process.stdout.read(1)
    time.sleep(
        0.5
    )  # between the prompt and the wait for an answer, a signal would be seen only at the end of the input
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.endswith("\nScore: 1 of 3; 2 questions were not answered\n")
    assert err.strip() == ""
