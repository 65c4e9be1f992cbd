"""The pattern that a chain of layers follows, in the lecture's words: `INPUT -> [[CONV -> RELU]*2 -> POOL]*3 -> FC`."""

from __future__ import annotations

from cnncalc.network import Network

WORDS = {"maxpool": "POOL", "batchnorm": "BN", "globalavgpool": "GAP"}
MOST_LAYERS = 200
LONGEST_GROUP = 24


def pattern(network: Network) -> str | None:
    """Return the kinds of layers from input to output, repeated groups written once; None if there are branches.

    Sizes are left out, as in the lecture: two convolutions of different filters are both CONV.
    """
    nodes = network.nodes
    if not 1 < len(nodes) <= MOST_LAYERS + 1 or network.outputs != (len(nodes) - 1,) or nodes[0].layer is not None:
        return None
    if any(node.inputs != (number,) for number, node in enumerate(nodes[1:])):
        return None
    return " -> ".join(["INPUT", *fold([WORDS.get(node.kind, node.kind.upper()) for node in nodes[1:]])])


def fold(words: list[str]) -> list[str]:
    """Write every run of equal groups once, short groups first.

    >>> fold("CONV RELU CONV RELU POOL CONV RELU CONV RELU POOL FC".split())
    ['[[CONV -> RELU]*2 -> POOL]*2', 'FC']
    """
    length = 1
    while length <= min(len(words) // 2, LONGEST_GROUP):
        folded: list[str] = []
        place = 0
        while place < len(words):
            group = words[place : place + length]
            times = 1
            while len(group) == length and words[place + times * length : place + (times + 1) * length] == group:
                times += 1
            folded.append(f"[{' -> '.join(group)}]*{times}" if times > 1 else words[place])
            place += times * length if times > 1 else 1
        length = 1 if len(folded) < len(words) else length + 1  # for groups of groups, start with short ones again
        words = folded
    return words
