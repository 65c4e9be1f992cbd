"""The last rows: detection, segmentation, poses, oriented boxes and classification."""

from __future__ import annotations

from cnncalc.layers import activation as act
from cnncalc.layers.conv import ConvTranspose
from cnncalc.layers.dense import FC, Linear
from cnncalc.layers.merge import Concat
from cnncalc.layers.operator import Operator
from cnncalc.layers.pool import AdaptiveAvgPool
from cnncalc.layers.reshape import Flatten, Reshape
from cnncalc.layers.views import Blur
from cnncalc.readers.ultralytics.parts import Parts
from cnncalc.readers.ultralytics.row import LARGEST, Row
from cnncalc.shape import Shape

MOST_DETECTIONS = 300  # of a head without non-maximum suppression
CLASSIFIED = 1280  # channels before the last layer of a classifier


class Head(Parts):
    """What the heads need to know about the model."""

    classes: int
    bins: int  # of the distribution of each side of a box
    end_to_end: bool
    legacy: bool  # whether the branch of classes has full convolutions, as before YOLOv10


def detect(head: Head, row: Row, maps: list[int], extra: int = 0) -> list[int]:
    """`Detect`: boxes and classes for every position of every map. `extra` numbers come from a third branch."""
    path, classes = row.path, row.integer(0, "number of classes", head.classes)
    results = _branches(head, path, maps, classes, extra, "")
    if not head.end_to_end:
        return [_decoded(head, path, results, classes)]
    single = _branches(head, path, maps, classes, extra, "one2one_")
    decoded = _decoded(head, f"{path}.one2one", single, classes)
    rows, width = head.shape(decoded)
    note = f"the {MOST_DETECTIONS} best of {rows:,} boxes, which depend on the numbers"
    best = Shape((min(MOST_DETECTIONS, rows), width - classes + 2))
    return [head.add(f"{path}.best", Operator("topk", best, views=(Blur(),), note=note), decoded), *results]


def _branches(head: Head, path: str, maps: list[int], classes: int, extra: int, name: str) -> list[int]:
    """Return boxes, classes and the extra numbers, each as positions x numbers."""
    first = head.width(maps[0])
    box, wide = max(16, first // 4, 4 * head.bins), max(first, min(classes, 100))
    boxes, scores, extras = [], [], []
    for number, x in enumerate(maps):
        boxes.append(_branch(head, f"{path}.{name}cv2.{number}", x, box, 4 * head.bins))
        where = f"{path}.{name}cv3.{number}"
        scores.append(_branch(head, where, x, wide, classes) if head.legacy else _light(head, where, x, wide, classes))
    if extra:
        narrow = max(first // 4, extra)
        extras = [_branch(head, f"{path}.{name}cv4.{number}", x, narrow, extra) for number, x in enumerate(maps)]
    named = (("boxes", boxes), ("scores", scores), *([("extra", extras)] if extra else []))
    return [_positions(head, f"{path}.{name}{what}", values) for what, values in named]


def _branch(head: Head, path: str, x: int, width: int, filters: int) -> int:
    y = head.conv(f"{path}.1", head.conv(f"{path}.0", x, width, 3), width, 3)
    return head.plain_conv(f"{path}.2", y, filters)


def _light(head: Head, path: str, x: int, width: int, filters: int) -> int:
    """The branch of classes since YOLOv10: depthwise convolutions."""
    y = x
    for number in range(2):
        y = head.depthwise(f"{path}.{number}.0", y, head.width(y), 3)
        y = head.conv(f"{path}.{number}.1", y, width)
    return head.plain_conv(f"{path}.2", y, filters)


def _positions(head: Head, path: str, values: list[int]) -> int:
    """Join the maps as one list of positions."""
    flat = []
    for number, value in enumerate(values):
        height, width, channels = head.shape(value)
        flat.append(head.add(f"{path}.steps{number}", Reshape(to=(height * width, channels)), value))
    return head.add(f"{path}.concat", Concat(axis="steps"), *flat) if len(flat) > 1 else flat[0]


def _decoded(head: Head, path: str, results: list[int], classes: int) -> int:
    """Return boxes, classes and extra numbers of every position. A box is the mean of its distribution."""
    boxes, scores, *extras = results
    count = head.shape(boxes)[0]
    if head.bins > 1:
        sides = head.add(f"{path}.dfl.sides", Reshape(to=(count, 4, head.bins)), boxes)
        chances = head.add(f"{path}.dfl.softmax", act.Softmax(), sides)
        mean = head.add(f"{path}.dfl.conv", Linear(units=1, bias=False), chances)
        head.builder.nodes[mean].train(False)
        boxes = head.add(f"{path}.dfl.boxes", Reshape(to=(count, 4)), mean)
    scores = head.add(f"{path}.sigmoid", act.Sigmoid(), scores)
    return head.concat(f"{path}.output", boxes, scores, *extras)


def segment(head: Head, row: Row, maps: list[int]) -> list[int]:
    """`Segment`: a detector that also weights prototype masks."""
    masks = row.integer(1, "number of masks", 32)
    width = row.sizes.channels(row.integer(2, "width of the prototypes", 256))
    path = f"{row.path}.proto"
    y = head.conv(f"{path}.cv1", maps[0], width, 3)
    y = head.add(f"{path}.upsample", ConvTranspose(filters=width, kernel=2, stride=2), y)
    protos = head.conv(f"{path}.cv3", head.conv(f"{path}.cv2", y, width, 3), masks)
    return [*detect(head, row, maps, masks), protos]


def oriented(head: Head, row: Row, maps: list[int]) -> list[int]:
    """`OBB`: a detector with an angle for each box."""
    return detect(head, row, maps, row.integer(1, "number of angles", 1))


def pose(head: Head, row: Row, maps: list[int]) -> list[int]:
    """`Pose`: a detector with key points for each box."""
    shape = row.numbers(1, "shape of the key points") if len(row.args) > 1 else [17, 3]
    if len(shape) != 2 or not 1 <= shape[0] * shape[1] <= LARGEST:
        raise row.problem("the shape of the key points must have two sizes", "write `kpt_shape: [17, 3]`")
    return detect(head, row, maps, shape[0] * shape[1])


def detect_v10(head: Head, row: Row, maps: list[int]) -> list[int]:
    """`v10Detect`: two sets of branches, of which one needs no non-maximum suppression."""
    head.end_to_end, head.legacy, head.bins = True, False, 16
    return detect(head, row, maps)


def anchored(head: Head, row: Row, maps: list[int]) -> list[int]:
    """`Detect` with anchors as in the first YOLOv5 and YOLOv7: one convolution for each map."""
    anchors, classes = row.args[1], row.integer(0, "number of classes", head.classes)
    if isinstance(anchors, int) and not isinstance(anchors, bool):
        counts = [anchors] * len(maps)
    elif isinstance(anchors, list) and all(isinstance(one, list) and one for one in anchors):
        counts = [len(one) // 2 for one in anchors]
    else:
        raise row.problem(
            "the anchors must be a number, or a list of lists", "write `anchors:` with one list for each map"
        )
    if len(counts) != len(maps) or not all(1 <= count <= 1000 for count in counts):
        raise row.problem(f"has anchors for {len(counts)} maps, but reads {len(maps)}", "write one list for each map")
    found = []
    for number, (x, count) in enumerate(zip(maps, counts, strict=True)):
        y = head.plain_conv(f"{row.path}.m.{number}", x, count * (classes + 5))
        height, width, _ = head.shape(y)
        shape = (height * width * count, classes + 5)
        found.append(
            head.add(
                f"{row.path}.boxes{number}",
                Reshape(to=shape),
                head.add(f"{row.path}.sigmoid{number}", act.Sigmoid(), y),
            )
        )
    return [head.add(f"{row.path}.concat", Concat(axis="steps"), *found) if len(found) > 1 else found[0]]


def classify(head: Head, row: Row, x: int) -> int:
    """`Classify`: a convolution, the mean of all positions, and a fully connected layer."""
    path, units = row.path, row.integer(0, "number of classes", head.classes)
    kernel, stride = row.integer(1, "kernel", 1, 1, 1000), row.integer(2, "stride", 1, 1, 1000)
    y = head.conv(f"{path}.conv", x, CLASSIFIED, kernel, stride)
    y = head.add(f"{path}.flatten", Flatten(), head.add(f"{path}.pool", AdaptiveAvgPool(output=1), y))
    y = head.add(f"{path}.linear", FC(units=units), head.add(f"{path}.drop", act.Dropout(rate=0.0), y))
    return head.add(f"{path}.softmax", act.Softmax(), y)
