"""Codes about the command line and the policy file of `cnncalc check`."""

from __future__ import annotations

from cnncalc.codes.page import Code

CODES = {
    "answered-twice": Code(
        "Warning of `cnncalc grade`: the same student answers a question in two rows. The first answer counts.",
        note="only the answers of `cnncalc grade` can cause it, not an architecture",
    ),
    "bad-argument": Code(
        "A value given with `-p` or `--input` is of the wrong kind. For example, it is a word, but the file has a "
        "number there.",
        note="it comes from the command line: `cnncalc analyze mobilenet_v2 -p width=wide`",
    ),
    "bad-answer-key": Code(
        "A row of the key of `cnncalc grade` is not valid. A row has a variant, a layer, a column such as `params`, an "
        "answer and its points. The row of the right answer has an empty `mistake`.",
        note="only the key of `cnncalc grade` can cause it, not an architecture",
    ),
    "bad-policy": Code(
        "A policy file is not valid. It must be a mapping of the rules that `cnncalc check` applies to submissions.",
        note="only the policy file of `cnncalc check` can cause it, not an architecture",
    ),
    "bad-table": Code(
        "A file of `cnncalc grade` is not a CSV table with the columns that it needs. `cnncalc worksheet --format csv` "
        "writes such a table.",
        note="only the files of `cnncalc grade` can cause it, not an architecture",
    ),
    "no-such-variant": Code(
        "A row of the answers of `cnncalc grade` names a variant that the key does not have, or names none.",
        note="only the answers of `cnncalc grade` can cause it, not an architecture",
    ),
    "one-of-a-family": Code(
        "Warning: a policy forbids one kind of layer, but allows others that do the same thing. For example, "
        "`forbid: [maxpool]` still allows global max pooling. Name a family such as `max pooling` or `pooling` to "
        "forbid every kind in it.",
        note="only the policy file of `cnncalc check` can cause it, not an architecture",
    ),
    "unknown-input": Code(
        "`--input` names an input that the network does not have, or gives no name although the network has "
        "several inputs.",
        note="it comes from the command line: `cnncalc analyze vgg16 --input left=32x32x3`",
    ),
    "unknown-parameter": Code(
        "`-p` names a parameter that the file does not define under `params`.",
        note="it comes from the command line: `cnncalc analyze mobilenet_v2 -p widht=2`",
    ),
}
