"""The phases of an adversarial finetuning in PyTorch eager, driven by JSON lines like peer.py: see README.md."""

import argparse
import json
import sys
from pathlib import Path
from typing import Callable

sys.dont_write_bytecode = True

from serving import Service, parsed, serve

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path, help="holds task.json, task.safetensors, adversarial.json and judge.safetensors")
options = parsed(parser)

import numpy as np
import torch
import torch.nn.functional as nn
from torch import Tensor

from adversarial_models import Judgement, judge
from task import Batch, fresh_batch, load_file, read_task
from torch_models import Params
from torch_peer import TorchPeer

Phase = Callable[[Batch], tuple[Tensor, Params, dict[str, Tensor]]]


class AdversarialPeer:
    """Samples are made in one step; the loss is RpGAN's, with R1 and R2."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.task = read_task(folder)
        self.student = TorchPeer(self.task, threads, compiled=False)
        self.settings = json.loads((folder / "adversarial.json").read_text())
        self.judge = {
            name: self.student.laid_out(torch.from_numpy(value)).requires_grad_()
            for name, value in load_file(folder / "judge.safetensors").items()
        }
        rate, epsilon = self.task.settings["learningRate"], self.task.settings["epsilon"]
        adam = lambda params: torch.optim.AdamW(
            params, lr=rate, betas=(0.0, self.task.settings["beta2"]), eps=epsilon, weight_decay=0, fused=True
        )
        self.optimizers = {"student": adam(self.student.params.values()), "judge": adam(self.judge.values())}
        self.phases: dict[str, tuple[str, Phase]] = {
            "objective": ("student", self.objective),
            "generator": ("student", self.generator),
            "discriminator": ("judge", lambda batch: self.discriminator(batch, penalised=False)),
            "penalised": ("judge", lambda batch: self.discriminator(batch, penalised=True)),
            "penalty": ("judge", self.penalty),
        }

    def step(self, name: str, batch: Batch) -> None:
        """One phase of a training step: gradient, optimizer and, for the student, its moving average."""
        trainee, phase = self.phases[name]
        loss, gradients, _ = phase(batch)
        for parameter, p in self.params(trainee).items():
            p.grad = self.student.laid_out(gradients[parameter])
        self.optimizers[trainee].step()
        if trainee == "student":
            values = [p.detach() for p in self.student.params.values()]
            torch._foreach_lerp_(self.student.ema, values, 1 - self.task.settings["emaDecay"])
        loss.item()

    def params(self, trainee: str) -> Params:
        return self.judge if trainee == "judge" else self.student.params

    def objective(self, batch: Batch) -> tuple[Tensor, Params, dict[str, Tensor]]:
        gradients, loss, metrics = self.student.by_backward(*self.student.tensors(batch))
        return loss.detach(), gradients, metrics

    def generator(self, batch: Batch) -> tuple[Tensor, Params, dict[str, Tensor]]:
        objective_loss, own, metrics = self.objective(batch)
        real, fake, label = self.samples(batch)
        frozen = {name: p.detach() for name, p in self.judge.items()}
        judged = fake.detach().requires_grad_()
        with torch.no_grad():
            of_real = self.judged(frozen, real, label)
        of_fake = self.judged(frozen, judged, label)
        adversarial = nn.softplus(of_real.logits - of_fake.logits).mean()
        (slope,) = torch.autograd.grad(adversarial, judged)
        pulls = torch.autograd.grad(fake, list(self.student.params.values()), slope, allow_unused=True)
        pull = {name: g for name, g in zip(self.student.params, pulls)}
        last = ["output.weight", "output.bias"]
        norms = [torch.linalg.vector_norm(torch.stack([g[name].norm() for name in last])) for g in (own, pull)]
        balance = (norms[0] / (norms[1] + 1e-8)).clamp(max=1e4)
        factor = self.settings["weight"] * balance
        gradients = {name: g if pull[name] is None else g + factor * pull[name] for name, g in own.items()}
        metrics |= {
            "objectiveLoss": objective_loss,
            "adversarial": adversarial.detach(),
            "balance": balance,
            "objectiveGradient": norms[0],
            "adversarialGradient": norms[1],
            "diversity": mean_distance(of_fake.features.detach()),
            "realDiversity": mean_distance(of_real.features),
        }
        return objective_loss + factor * adversarial.detach(), gradients, metrics

    def discriminator(self, batch: Batch, penalised: bool) -> tuple[Tensor, Params, dict[str, Tensor]]:
        real, fake, label = self.fixed_samples(batch, penalised)
        of_real, of_fake = (self.judged(self.judge, x, label).logits for x in (real, fake))
        loss = adversarial = nn.softplus(of_fake - of_real).mean()
        metrics = {"adversarial": adversarial, "gap": (of_real - of_fake).mean()}
        if penalised:
            penalties = self.penalties((of_real, real), (of_fake, fake))
            loss = loss + self.settings["penaltyWeight"] / 2 * sum(penalties.values())
            metrics |= penalties
        return self.by_backward(loss, metrics)

    def penalty(self, batch: Batch) -> tuple[Tensor, Params, dict[str, Tensor]]:
        real, fake, label = self.fixed_samples(batch, True)
        penalties = self.penalties(*((self.judged(self.judge, x, label).logits, x) for x in (real, fake)))
        factor = self.settings["every"] * self.settings["penaltyWeight"] / 2
        return self.by_backward(factor * sum(penalties.values()), penalties)

    def penalties(self, *sides: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        slopes = [torch.autograd.grad(logits.sum(), x, create_graph=True)[0] for logits, x in sides]
        return {name: slope.square().sum(dim=(1, 2, 3)).mean() for name, slope in zip(("r1", "r2"), slopes)}

    def by_backward(self, loss: Tensor, metrics: dict[str, Tensor]) -> tuple[Tensor, Params, dict[str, Tensor]]:
        # what shifts all logits equally affects no loss, and a bias no slope
        gradients = torch.autograd.grad(loss, list(self.judge.values()), allow_unused=True)
        filled = [torch.zeros_like(p) if g is None else g for p, g in zip(self.judge.values(), gradients)]
        return loss.detach(), dict(zip(self.judge, filled)), metrics

    def judged(self, params: Params, x: Tensor, label: Tensor) -> Judgement:
        return judge(self.settings["levels"], params, x, label)

    def samples(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Data and one-step samples."""
        real, noise, t, _, label = self.student.tensors(batch)
        one, zero = torch.ones_like(t), torch.zeros_like(t)
        return real, noise - self.student.network(self.student.params, noise, one, zero, label), label

    def fixed_samples(self, batch: Batch, differentiable: bool) -> tuple[Tensor, Tensor, Tensor]:
        with torch.no_grad():
            real, fake, label = self.samples(batch)
        return real.requires_grad_(differentiable), fake.requires_grad_(differentiable), label

    def check(self) -> dict[str, list[float]]:
        """Loss, metrics and gradients of every phase on the given batch, in Flowmap's layout and double precision: gradients
        of penalties cancel so much that single precision would compare two rounding errors."""
        values = {}
        given = self.student.params, self.judge
        self.student.params, self.judge = ({name: in_double(p) for name, p in params.items()} for params in given)
        batch = Batch(*(value.astype(float) if value is not None and value.dtype == np.float32 else value for value in self.task.batch))
        for name, (trainee, phase) in self.phases.items():
            loss, gradients, metrics = phase(batch)
            values |= {f"{name}: {key}": [value.item()] for key, value in (metrics | {"loss": loss}).items()}
            for parameter, gradient in gradients.items():
                is_dense = trainee == "student" and gradient.ndim == 2 and parameter != "class.weight"
                own = (gradient.T if is_dense else gradient).detach().contiguous()
                values[f"{name}: gradient of {parameter}"] = [own.norm().item(), *own.reshape(-1)[:32].tolist()]
        self.student.params, self.judge = given
        return values


def in_double(parameter: Tensor) -> Tensor:
    return parameter.detach().double().requires_grad_()


def mean_distance(features: Tensor) -> Tensor:
    count = len(features)
    return torch.cdist(features, features).sum() / (count * (count - 1))


def start() -> Service:
    peer = AdversarialPeer(options.folder, options.threads)
    random = np.random.default_rng(0)
    step = lambda run: peer.step(run, fresh_batch(peer.task.batch, random))
    return Service(peer.student.runtime, sum(p.numel() for p in peer.judge.values()), peer.check, step)


serve(start)
