"""Where the figures of devices were compared, each with the address of the page that states it.

The addresses were looked at on 2026-11-29. They are makers' pages where one could be read, and otherwise pages that quote the
maker. A figure that is missing here was entered by hand and is unconfirmed. `clock` is that of the title, from which the peaks
of a microcontroller follow as its note says.
"""

from __future__ import annotations

from collections.abc import Mapping

ZEPHYR = "https://docs.zephyrproject.org/latest/boards"
A100 = "https://glennklockwood.com/garden/processors/A100"
H100 = "https://glennklockwood.com/garden/processors/h100"
ROOFLINE = "https://rooflinenotes.dev/accelerators/"
T4 = "https://sysrqmts.com/en/gpus/nvidia/tesla/t4"
RTX_3090 = "https://holynerdvana.blogspot.com/2022/10/nvidia-geforce-rtx-3090-specifications.html"
RTX_4090 = "https://waredb.com/processor/nvidia-geforce-rtx-4090"
L4 = "https://fpsbench.com/compare/gpu/nvidia-l4-vs-nvidia-tesla-m40"
A10 = "https://sysrqmts.com/ru/gpus/compare/nvidia-a10-pcie-vs-nvidia-quadro-rtx-4000"
ORIN_NANO = "https://www.brojogopalsapui.com/ai-foundations/sub_contents/AI_hardware/jetson_orin_nano_light.html"
TPU_V5E = "https://docs.cloud.google.com/tpu/docs/v5e"
M1_MAX = "https://www.trustedreviews.com/news/apple-m1-max-specs-performance-tdp-4174187"
M2 = "https://www.macrumors.com/2022/06/06/apple-announces-m2-chip-with-support-for-up-to-24gb-memory/"
KERNEL_F746 = "https://docs.kernel.org/arch/arm/stm32/stm32f746-overview.html"
RIOT_F769 = "https://doc.riot-os.org/group__boards__stm32f769i-disco.html"
RP2 = "https://docs.micropython.org/en/v1.29.0/rp2/general.html"
RP2350 = f"{ZEPHYR}/waveshare/rp2350_zero/doc/index.html"
ESPRESSIF = "https://espressif.com/en/products/socs/es32"


def _same(address: str, *figures: str) -> dict[str, str]:
    return dict.fromkeys(figures, address)


MICROCONTROLLER = ("memory", "storage", "clock")
CHECKED: Mapping[str, Mapping[str, str]] = {
    "stm32f407": _same(f"{ZEPHYR}/st/stm32f4_disco/doc/index.html", *MICROCONTROLLER),
    "stm32f446": _same(f"{ZEPHYR}/st/nucleo_f446re/doc/index.html", *MICROCONTROLLER),
    "stm32l4r5": _same(f"{ZEPHYR}/st/nucleo_l4r5zi/doc/index.html", *MICROCONTROLLER),
    "stm32f746": _same(KERNEL_F746, *MICROCONTROLLER),
    "stm32f769": _same(RIOT_F769, "memory", "storage"),
    "stm32h743": _same(f"{ZEPHYR}/st/nucleo_h743zi/doc/index.html", *MICROCONTROLLER),
    "stm32u585": _same(f"{ZEPHYR}/st/b_u585i_iot02a/doc/index.html", *MICROCONTROLLER),
    "imxrt1062": _same(f"{ZEPHYR}/nxp/mimxrt1060_evk/doc/index.html", "memory", "clock"),
    "rp2040": _same(RP2, "memory", "clock"),
    "rp2350": _same(RP2350, "memory", "clock"),
    "esp32-s3": _same(ESPRESSIF, "memory", "clock"),
    "pi5": _same(f"{ZEPHYR}/raspberrypi/rpi_5/doc/index.html", "memory", "clock"),
    "jetson-orin-nano": _same(ORIN_NANO, "memory", "bandwidth", "float32"),
    "apple-m1-max": _same(M1_MAX, "memory", "bandwidth"),
    "apple-m2": _same(M2, "memory", "bandwidth"),
    "rtx3090": _same(RTX_3090, "memory", "bandwidth", "float32", "float16"),
    "rtx4090": _same(RTX_4090, "memory", "bandwidth", "float32", "float16", "bfloat16", "int8"),
    "t4": {
        **_same(T4, "memory", "bandwidth", "float32", "float16"),
        "int8": "https://geektopia.es/es/technology/2018/09/13/noticias/"
        "nvidia-presenta-la-nueva-tesla-t4-basada-en-turing-orientada-a-inteligencia-artificial.html",
    },
    "v100": {
        "float32": "https://fudzilla.com/news/ai/50832-nvidia-unveils-the-a100-tensor-core-gpu",
        "float16": "https://developer.nvidia.com/programming-tensor-cores-cuda-9-0",
    },
    "a10": _same(A10, "memory", "bandwidth", "float32"),
    "a100": _same(A100, "memory", "bandwidth", "float32", "float16", "bfloat16", "int8"),
    "l4": {
        **_same(L4, "memory", "bandwidth", "float32"),
        "int8": "https://store.sourcecode.com/en-us/bg-bucket-compare/125/9820",
    },
    "h100": _same(H100, "memory", "bandwidth", "float32", "float16", "bfloat16", "int8"),
    "h200": {
        **_same(ROOFLINE, "memory", "bandwidth"),
        **_same(H100, "float32", "float16", "bfloat16", "int8"),
    },
    "mi300x": _same(ROOFLINE, "memory", "bandwidth"),
    "tpu-v5e": _same(TPU_V5E, "memory", "bandwidth", "bfloat16", "int8"),
}  # fmt: skip
