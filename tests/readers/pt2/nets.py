"""Small modules of PyTorch, and a script that exports them for the tests: `python nets.py FOLDER`.

The archives in this folder were written by PyTorch 2.5.1, 2.8.0 and 2.13.0. Their weights are removed.
"""

import re
import sys
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn


class Images(nn.Module):
    """A convolutional network that takes any batch."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        )
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.pool(self.features(x))
        return self.fc(self.drop(x.mean((2, 3))))


class Words(nn.Module):
    """A sequence model with tied, frozen and unused parameters, and two kinds of attention."""

    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(50, 16)
        self.att = nn.MultiheadAttention(16, 4, batch_first=True)
        self.ln = nn.LayerNorm(16)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.emb.weight
        self.frozen = nn.Linear(16, 16)
        self.frozen.requires_grad_(False)
        self.unused = nn.Linear(3, 3)
        self.register_buffer("shift", torch.zeros(16), persistent=False)
        self.register_buffer("mask", torch.zeros(16))

    def forward(self, x):
        x = self.emb(x)
        y, _ = self.att(x, x, x, need_weights=False)
        x = self.ln(x + y)
        with torch.no_grad():
            z = self.frozen(x)
        x = x + z + self.shift + self.mask
        q = x.view(1, -1, 4, 4).transpose(1, 2)
        x = nn.functional.scaled_dot_product_attention(q, q, q).transpose(1, 2).reshape(1, -1, 16)
        return self.head(x)


class Steps(nn.Module):
    """A recurrent network."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(6, 5, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(10, 2)

    def forward(self, x):
        x, _ = self.lstm(x)
        return self.fc(x)


class Written(nn.Module):
    """A network that writes into a part of a tensor."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 1)

    def forward(self, x):
        x = self.conv(x)
        x[:, :2] += 1
        return x


class Chooses(nn.Module):
    """A network whose operations depend on values."""

    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))


def strip(path):
    """Remove the numbers from an archive, and paths of this machine from its JSON."""
    with zipfile.ZipFile(path) as before:
        members = [
            (name, before.read(name)) for name in before.namelist() if not re.search(r"\.pt$|/weight_|/tensor_", name)
        ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
        for name, data in members:
            if name.endswith(".json"):
                after.writestr(name, re.sub(rb'File \\"/[^"]*/(torch|nets\.py)', rb'File \\"\1', data))
            else:
                after.writestr(name, data)


def main(folder):
    """Export all modules."""
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", min=2, max=100)
    image, words = torch.randn(2, 3, 8, 8), torch.ones(1, 7, dtype=torch.long)
    programs = {
        "images": torch.export.export(Images().eval(), (image,), dynamic_shapes={"x": {0: batch}}),
        "words": torch.export.export(Words().eval(), (words,), dynamic_shapes={"x": {1: length}}),
    }
    programs.update({f"{name}_decomposed": program.run_decompositions() for name, program in list(programs.items())})
    if torch.__version__ >= "2.13":
        programs["training"] = torch.export.export(Images(), (image,))
        programs["steps"] = torch.export.export(Steps().eval(), (torch.randn(1, 9, 6),))
        programs["written"] = torch.export.export(Written().eval(), (torch.randn(1, 2, 4, 4),))
        programs["chooses"] = torch.export.export(Chooses(), (torch.randn(1, 4),))
        with torch.device("meta"):
            programs["meta"] = torch.export.export(Images().eval(), (torch.empty(1, 3, 8, 8),))
    version = "_".join(torch.__version__.split(".")[:2])
    for name, program in programs.items():
        path = str(Path(folder) / f"{name}_{version}.pt2")
        torch.export.save(program, path)
        strip(path)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main(sys.argv[1])
