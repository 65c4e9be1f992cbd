"""Devices: memory, bandwidth and peak speed, each with its source. A figure that no source states is None.

`sources` has the page with which each figure was compared. Peaks count a multiply-add as two operations and are for
dense numbers. They are what the manufacturer states, or follow from stated clocks, cores and operations per cycle, as
the note then says. For a lower bound on the time a peak may be too high, but never too low.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnncalc.deploy.sources import CHECKED
from cnncalc.record import Record

KIB, MIB = 2**10, 2**20
GB, GBPS = 10**9, 10**9
GIGA, TERA = 10**9, 10**12

MCU, BOARD, GPU, TPU = "microcontroller", "board", "GPU", "TPU"


class Device(Record):
    """What a device has. `storage` is the flash memory inside it for weights; without it, weights are in `memory` as well.

    `memory` and `storage` are in bytes, `bandwidth` in bytes per second, and `peaks` in operations per second for each
    dtype.
    """

    name: str
    title: str
    kind: str
    memory: int
    storage: int | None
    bandwidth: int | None
    peaks: Mapping[str, int]
    source: str
    note: str = ""
    checked: Mapping[str, str] | None = (
        None  # figure -> the page with which it was compared; None for a device of a file
    )

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """The figures that were entered by hand and compared with no page."""
        if self.checked is None:
            return ()
        stated = [name for name in ("memory", "storage", "bandwidth") if getattr(self, name) is not None]
        return tuple(name for name in (*stated, *self.peaks) if name not in self.checked)


def _dual_mac(megahertz: int) -> dict[str, int]:
    """Return the peaks of a Cortex-M4, M7 or M33: SMLAD does two multiply-adds per cycle, the FPU at most one."""
    return {"int8": 4 * megahertz * 10**6, "float32": 2 * megahertz * 10**6}


_DSP = "at most two integer and one floating-point multiply-add per cycle"

_ROUNDED = "rates that the maker rounds down are those of its clock and cores"
_NVIDIA = "https://www.nvidia.com/en-us/data-center"
_DEVICES = (
    # microcontrollers
    Device("stm32f407", "STM32F407VG, Cortex-M4 at 168 MHz", MCU, 192 * KIB, MIB, None, _dual_mac(168),
           "STMicroelectronics DS8626", _DSP),
    Device("stm32f446", "STM32F446RE, Cortex-M4 at 180 MHz", MCU, 128 * KIB, 512 * KIB, None, _dual_mac(180),
           "STMicroelectronics DS10693", _DSP),
    Device("stm32l4r5", "STM32L4R5ZI, Cortex-M4 at 120 MHz", MCU, 640 * KIB, 2 * MIB, None, _dual_mac(120),
           "STMicroelectronics DS12023", _DSP),
    Device("stm32f746", "STM32F746NG, Cortex-M7 at 216 MHz", MCU, 320 * KIB, MIB, None, _dual_mac(216),
           "STMicroelectronics DS10916", _DSP),
    Device("stm32f769", "STM32F769NI, Cortex-M7 at 216 MHz", MCU, 512 * KIB, 2 * MIB, None, _dual_mac(216),
           "STMicroelectronics DS11532", _DSP),
    Device("stm32h743", "STM32H743ZI, Cortex-M7 at 480 MHz", MCU, MIB, 2 * MIB, None, _dual_mac(480),
           "STMicroelectronics DS12110", f"memory in several banks; {_DSP}"),
    Device("stm32u585", "STM32U585AI, Cortex-M33 at 160 MHz", MCU, 786 * KIB, 2 * MIB, None, _dual_mac(160),
           "STMicroelectronics DS13086", _DSP),
    Device("nrf52840", "nRF52840, Cortex-M4 at 64 MHz", MCU, 256 * KIB, MIB, None, _dual_mac(64),
           "Nordic Semiconductor, nRF52840 Product Specification", _DSP),
    Device("nrf5340", "nRF5340, Cortex-M33 at 128 MHz", MCU, 512 * KIB, MIB, None, _dual_mac(128),
           "Nordic Semiconductor, nRF5340 Product Specification", f"application core; {_DSP}"),
    Device("imxrt1062", "i.MX RT1062, Cortex-M7 at 600 MHz", MCU, MIB, None, None, _dual_mac(600),
           "NXP IMXRT1060CEC", f"weights are in external flash, which boards differ in; {_DSP}"),
    Device("rp2040", "RP2040, two Cortex-M0+ at 133 MHz", MCU, 264 * KIB, None, None, {"int8": 2 * 133 * 10**6},
           "Raspberry Pi, RP2040 Datasheet", "weights are in external flash; a multiplication and an addition in two cycles"),
    Device("rp2350", "RP2350, two Cortex-M33 at 150 MHz", MCU, 520 * KIB, None, None, _dual_mac(2 * 150),
           "Raspberry Pi, RP2350 Datasheet", f"weights are in external flash; for each of two cores, {_DSP}"),
    Device("esp32-s3", "ESP32-S3, two Xtensa LX7 at 240 MHz", MCU, 512 * KIB, None, None,
           {"int8": 2 * 2 * 16 * 240 * 10**6}, "Espressif, ESP32-S3 Technical Reference Manual",
           "weights are in external flash; 16 multiply-adds per cycle in vectors of 128 bits, on each of two cores"),
    # boards
    Device("pi4", "Raspberry Pi 4, 8 GB, four Cortex-A72 at 1.5 GHz", BOARD, 8 * GB, None, None,
           {"float32": 4 * 16 * 1500 * 10**6}, "Raspberry Pi 4 Product Brief; Arm UAN 0016A",
           "at most four multiply-adds in each of two vector pipelines per cycle"),
    Device("pi5", "Raspberry Pi 5, 8 GB, four Cortex-A76 at 2.4 GHz", BOARD, 8 * GB, None, None,
           {"float32": 4 * 16 * 2400 * 10**6, "float16": 4 * 32 * 2400 * 10**6, "int8": 4 * 64 * 2400 * 10**6},
           "Raspberry Pi 5 Product Brief; Arm Cortex-A76 Software Optimization Guide",
           "vectors of 128 bits in each of two pipelines per cycle"),
    Device("jetson-nano", "Jetson Nano, 4 GB", BOARD, 4 * GB, None, 25_600_000_000,
           {"float32": 236 * GIGA, "float16": 472 * GIGA}, "NVIDIA, Jetson Nano Data Sheet DS-09366-001",
           "float32 at half the rate stated for float16"),
    Device("jetson-orin-nano", "Jetson Orin Nano, 8 GB", BOARD, 8 * GB, None, 68 * GBPS,
           {"int8": 20 * TERA, "float32": 1_280 * GIGA}, "NVIDIA, Jetson Orin Nano Data Sheet DS-11105-001",
           "float32: 1,024 cores at 625 MHz"),
    Device("jetson-agx-orin", "Jetson AGX Orin, 64 GB, GPU only", BOARD, 64 * GB, None, 204_800_000_000,
           {"int8": 85 * TERA, "float32": 5_325 * GIGA}, "NVIDIA, Jetson AGX Orin Series Technical Brief v1.2",
           "int8 at half the rate stated for sparse numbers"),
    # Apple
    Device("apple-m1", "Apple M1, 16 GB, 8-core GPU", GPU, 16 * GB, None, None, {"float32": 2_600 * GIGA},
           "Apple Newsroom, 2020-11-10, Apple unleashes M1"),
    Device("apple-m1-max", "Apple M1 Max, 64 GB, 32-core GPU", GPU, 64 * GB, None, 400 * GBPS, {"float32": 10_400 * GIGA},
           "Apple Newsroom, 2021-10-18, Introducing M1 Pro and M1 Max"),
    Device("apple-m2", "Apple M2, 24 GB, 10-core GPU", GPU, 24 * GB, None, 100 * GBPS, {"float32": 3_600 * GIGA},
           "Apple Newsroom, 2022-06-06, Apple unveils M2"),
    # NVIDIA
    Device("rtx3060", "GeForce RTX 3060, 12 GB", GPU, 12 * GB, None, None, {"float32": 2 * 3584 * 1_780 * 10**6},
           "NVIDIA, GeForce RTX 3060 specifications", "3,584 cores at 1.78 GHz"),
    Device("rtx3090", "GeForce RTX 3090, 24 GB", GPU, 24 * GB, None, 936 * GBPS,
           {"float32": 35_600 * GIGA, "float16": 142_400 * GIGA, "bfloat16": 71_200 * GIGA, "int8": 284_800 * GIGA},
           "NVIDIA, Ampere GA102 GPU Architecture whitepaper", _ROUNDED),
    Device("rtx4090", "GeForce RTX 4090, 24 GB", GPU, 24 * GB, None, 1_008 * GBPS,
           {"float32": 82_600 * GIGA, "float16": 330_300 * GIGA, "bfloat16": 165_200 * GIGA, "int8": 660_600 * GIGA},
           "NVIDIA, Ada GPU Architecture whitepaper"),
    Device("t4", "NVIDIA T4, 16 GB", GPU, 16 * GB, None, 320 * GBPS,
           {"float32": 8_141 * GIGA, "float16": 65_130 * GIGA, "int8": 130_260 * GIGA}, f"{_NVIDIA}/tesla-t4", _ROUNDED),
    Device("v100", "NVIDIA V100 SXM2, 32 GB", GPU, 32 * GB, None, 900 * GBPS,
           {"float32": 15_700 * GIGA, "float16": 125_340 * GIGA}, f"{_NVIDIA}/v100", _ROUNDED),
    Device("a10", "NVIDIA A10, 24 GB", GPU, 24 * GB, None, 600 * GBPS,
           {"float32": 31_240 * GIGA, "float16": 125 * TERA, "bfloat16": 125 * TERA, "int8": 250 * TERA},
           f"{_NVIDIA}/products/a10-gpu", _ROUNDED),
    Device("a30", "NVIDIA A30, 24 GB", GPU, 24 * GB, None, 933 * GBPS,
           {"float32": 10_300 * GIGA, "float16": 165 * TERA, "bfloat16": 165 * TERA, "int8": 330 * TERA},
           f"{_NVIDIA}/products/a30-gpu"),
    Device("a100", "NVIDIA A100 SXM, 80 GB", GPU, 80 * GB, None, 2_039 * GBPS,
           {"float32": 19_500 * GIGA, "float16": 312 * TERA, "bfloat16": 312 * TERA, "int8": 624 * TERA},
           f"{_NVIDIA}/a100"),
    Device("l4", "NVIDIA L4, 24 GB", GPU, 24 * GB, None, 300 * GBPS,
           {"float32": 30_300 * GIGA, "float16": 121_250 * GIGA, "bfloat16": 121_250 * GIGA, "int8": 242_500 * GIGA},
           f"{_NVIDIA}/l4", "half of the rates stated for sparse numbers"),
    Device("h100", "NVIDIA H100 SXM, 80 GB", GPU, 80 * GB, None, 3_350 * GBPS,
           {"float32": 67 * TERA, "float16": 989_500 * GIGA, "bfloat16": 989_500 * GIGA, "int8": 1_979 * TERA},
           f"{_NVIDIA}/h100", "half of the rates stated for sparse numbers"),
    Device("h200", "NVIDIA H200 SXM, 141 GB", GPU, 141 * GB, None, 4_800 * GBPS,
           {"float32": 67 * TERA, "float16": 989_500 * GIGA, "bfloat16": 989_500 * GIGA, "int8": 1_979 * TERA},
           f"{_NVIDIA}/h200", "half of the rates stated for sparse numbers"),
    # AMD and Google
    Device("mi300x", "AMD Instinct MI300X, 192 GB", GPU, 192 * GB, None, 5_300 * GBPS,
           {"float32": 163_400 * GIGA, "float16": 1_307_400 * GIGA, "bfloat16": 1_307_400 * GIGA, "int8": 2_614_900 * GIGA},
           "AMD, Instinct MI300X Data Sheet"),
    Device("tpu-v4", "Google Cloud TPU v4, one chip", TPU, 32 * GB, None, 1_200 * GBPS,
           {"bfloat16": 275 * TERA, "int8": 275 * TERA}, "https://cloud.google.com/tpu/docs/v4"),
    Device("tpu-v5e", "Google Cloud TPU v5e, one chip", TPU, 16 * GB, None, 819 * GBPS,
           {"bfloat16": 197 * TERA, "int8": 393 * TERA}, "https://cloud.google.com/tpu/docs/v5e"),
)  # fmt: skip
DEVICES: dict[str, Device] = {
    device.name: Device(**{**vars(device), "checked": CHECKED.get(device.name, {})}) for device in _DEVICES
}
