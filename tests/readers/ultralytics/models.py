"""YOLOv5, YOLOv8 and YOLO11 written row by row here, from their published structure."""

from __future__ import annotations

from collections.abc import Sequence

SCALES = {
    "v8": {
        "n": (0.33, 0.25, 1024),
        "s": (0.33, 0.5, 1024),
        "m": (0.67, 0.75, 768),
        "l": (1, 1, 512),
        "x": (1, 1.25, 512),
    },
    "11": {"n": (0.5, 0.25, 1024), "s": (0.5, 0.5, 1024), "m": (0.5, 1, 512), "l": (1, 1, 512), "x": (1, 1.5, 512)},
}


def text(top: str, backbone: Sequence[str], head: Sequence[str]) -> str:
    """Return a file of these rows, which are written without their outer brackets."""
    return top + "".join(
        f"{part}:\n" + "".join(f"  - [{row}]\n" for row in rows)
        for part, rows in (("backbone", backbone), ("head", head))
    )


def scales(name: str) -> str:
    """Return the top of a file with scales."""
    listed = "".join(f"  {scale}: {list(values)}\n" for scale, values in SCALES[name].items())
    return f"nc: 80\nscales:\n{listed}"


def pyramid(
    block: str, count: int, top: int, maps: Sequence[int], extra: Sequence[str] = ("", "", "", "")
) -> list[str]:
    """Return the rows of a path aggregation network: up to the largest map, and down again. `top` is the last row above."""
    up = '-1, 1, nn.Upsample, [None, 2, "nearest"]'
    rows = [up, f"[-1, {maps[1]}], 1, Concat, [1]", f"-1, {count}, {block}, [512{extra[0]}]"]
    middle = top + 3
    rows += [up, f"[-1, {maps[0]}], 1, Concat, [1]", f"-1, {count}, {block}, [256{extra[1]}]"]
    rows += ["-1, 1, Conv, [256, 3, 2]", f"[-1, {middle}], 1, Concat, [1]", f"-1, {count}, {block}, [512{extra[2]}]"]
    rows += ["-1, 1, Conv, [512, 3, 2]", f"[-1, {top}], 1, Concat, [1]", f"-1, {count}, {block}, [1024{extra[3]}]"]
    return rows


def yolov8(head: str = "Detect, [nc]") -> str:
    """YOLOv8 of all scales: Ultralytics 2023."""
    stem = ["-1, 1, Conv, [64, 3, 2]"]
    for width, count in ((128, 3), (256, 6), (512, 6), (1024, 3)):
        stem += [f"-1, 1, Conv, [{width}, 3, 2]", f"-1, {count}, C2f, [{width}, True]"]
    stem.append("-1, 1, SPPF, [1024, 5]")
    return text(scales("v8"), stem, [*pyramid("C2f", 3, 9, (4, 6)), f"[15, 18, 21], 1, {head}"])


def yolo11() -> str:
    """YOLO11 of all scales: Ultralytics 2024."""
    stem = ["-1, 1, Conv, [64, 3, 2]"]
    for width, out, more in (
        (128, 256, "False, 0.25"),
        (256, 512, "False, 0.25"),
        (512, 512, "True"),
        (1024, 1024, "True"),
    ):
        stem += [f"-1, 1, Conv, [{width}, 3, 2]", f"-1, 2, C3k2, [{out}, {more}]"]
    stem += ["-1, 1, SPPF, [1024, 5]", "-1, 2, C2PSA, [1024]"]
    more = (", False", ", False", ", False", ", True")
    return text(scales("11"), stem, [*pyramid("C3k2", 2, 10, (4, 6), more), "[16, 19, 22], 1, Detect, [nc]"])


def yolov5(depth: float, width: float) -> str:
    """YOLOv5 6.0 with anchors: Jocher 2021."""
    top = f"nc: 80\ndepth_multiple: {depth}\nwidth_multiple: {width}\nanchors:\n" + "  - [10, 13, 16, 30, 33, 23]\n" * 3
    stem = ["-1, 1, Conv, [64, 6, 2, 2]"]
    for channels, count in ((128, 3), (256, 6), (512, 9), (1024, 3)):
        stem += [f"-1, 1, Conv, [{channels}, 3, 2]", f"-1, {count}, C3, [{channels}]"]
    stem.append("-1, 1, SPPF, [1024, 5]")
    up = "-1, 1, nn.Upsample, [None, 2, 'nearest']"
    head = ["-1, 1, Conv, [512, 1, 1]", up, "[-1, 6], 1, Concat, [1]", "-1, 3, C3, [512, False]"]
    head += ["-1, 1, Conv, [256, 1, 1]", up, "[-1, 4], 1, Concat, [1]", "-1, 3, C3, [256, False]"]
    head += ["-1, 1, Conv, [256, 3, 2]", "[-1, 14], 1, Concat, [1]", "-1, 3, C3, [512, False]"]
    head += ["-1, 1, Conv, [512, 3, 2]", "[-1, 10], 1, Concat, [1]", "-1, 3, C3, [1024, False]"]
    return text(top, stem, [*head, "[17, 20, 23], 1, Detect, [nc, anchors]"])
