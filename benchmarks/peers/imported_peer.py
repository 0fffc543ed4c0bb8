"""The distillation step of a UNet2DModel of diffusers in PyTorch eager, driven by JSON lines like peer.py: see README.md."""

import argparse
import copy
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from serving import Service, parsed, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path, help="holds task.json and task.safetensors")
parser.add_argument("--small", action="store_true")
options = parsed(parser)

import diffusers
import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from imported_models import drawn, unet
from task import Batch, fresh_batch, load_file
from torch_peer import sample_norm

TIMESTEPS = 1000


class ImportedPeer:
    """AYF-EMD: the module teaches a copy of itself, which is evaluated at the middle of the interval."""

    def __init__(self, folder: Path, threads: int, small: bool) -> None:
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.settings = json.loads((folder / "task.json").read_text())["settings"]
        tensors = load_file(folder / "task.safetensors")
        self.batch = Batch(*(tensors.get(name) for name in Batch._fields))
        model, _, _ = drawn(unet, small)
        # convolutions are faster with channels last
        self.teacher = model.to(memory_format=torch.channels_last).requires_grad_(False)
        self.student = copy.deepcopy(self.teacher).requires_grad_()
        self.params = dict(self.student.named_parameters())
        self.ema = [p.detach().clone() for p in self.params.values()]
        self.optimizer = torch.optim.AdamW(
            self.params.values(),
            lr=self.settings["learningRate"],
            betas=(self.settings["beta1"], self.settings["beta2"]),
            eps=self.settings["epsilon"],
            weight_decay=0,
            fused=True,
        )

    def train(self, batch: Batch) -> dict[str, float]:
        """One training step; returns its loss and metrics."""
        loss, metrics = self.objective(*(self.laid_out(torch.from_numpy(value)) for value in batch[:4]))
        gradients = torch.autograd.grad(loss, list(self.params.values()))
        for p, gradient in zip(self.params.values(), gradients):
            p.grad = self.laid_out(gradient)
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        self.optimizer.step()
        torch._foreach_lerp_(self.ema, [p.detach() for p in self.params.values()], 1 - self.settings["emaDecay"])
        metrics |= {"loss": loss.detach(), "gradientNorm": norm}
        return {name: value.item() for name, value in metrics.items()}

    def objective(self, x0: Tensor, noise: Tensor, t: Tensor, s: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and metrics of "Align Your Flow", Algorithm 1."""
        per_sample = (-1, 1, 1, 1)
        xt = x0 + t.reshape(per_sample) * (noise - x0)
        with torch.no_grad():
            velocity = self.teacher(xt, TIMESTEPS * t)
        # attention's fused kernels have no forward derivative
        with sdpa_kernel(SDPBackend.MATH):
            F, dF = torch.func.jvp(
                lambda x, time: self.student(x, TIMESTEPS / 2 * (time + s)), (xt, t), (velocity, torch.ones_like(t))
            )
        stopped = F.detach()
        error = stopped - velocity
        g = error + (self.settings["r"] * (t - s)).reshape(per_sample) * dF.detach()
        norm = sample_norm(g)
        target = stopped - g / (norm + self.settings["c"])
        loss = (F - target).square().sum() / x0.shape[0]
        return loss, {"tangentNorm": norm.mean(), "velocityError": sample_norm(error).mean()}

    def laid_out(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.contiguous_format)

    def check(self) -> dict[str, list[float]]:
        """Loss and metrics of two steps on the given batch."""
        steps = [self.train(self.batch) for _ in range(2)]
        return {f"{name} of step {i + 1}": [value] for i, step in enumerate(steps) for name, value in step.items()}


def start() -> Service:
    peer = ImportedPeer(options.folder, options.threads, options.small)
    random = np.random.default_rng(0)
    runtime = f"PyTorch {torch.__version__}, eager, diffusers {diffusers.__version__}"
    step = lambda _: peer.train(fresh_batch(peer.batch, random))
    return Service(runtime, sum(p.numel() for p in peer.params.values()), peer.check, step)


serve(start)
