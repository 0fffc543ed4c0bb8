"""The AYF-EMD step and the flow map's sampler in PyTorch, eager or through torch.compile."""

from typing import Optional

import numpy as np
import torch
from torch import Tensor

import torch_models
from task import Batch, Task


class TorchPeer:
    """precision: fp32 is float32 throughout, tf32 lets products round their operands, bf16 is autocast to bfloat16.

    one_time: the sampler passes the network one time that broadcasts over the batch, instead of one per sample.
    """

    def __init__(
        self,
        task: Task,
        threads: int,
        compiled: bool,
        device: str = "cpu",
        precision: str = "fp32",
        one_time: bool = False,
    ) -> None:
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        where = "" if device == "cpu" else f", {torch.cuda.get_device_name()}, {precision}"
        where += ", one time per batch" if one_time else ""
        self.runtime = f"PyTorch {torch.__version__}, {'torch.compile' if compiled else 'eager'}{where}"
        self.task = task
        self.device = device
        self.one_time = one_time
        self.autocast = lambda: torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")
        self.network = torch_models.network(task.config, fused=False, device=device)
        # convolutions are faster with channels last, in both modes
        self.layout = torch.channels_last if task.config["type"] == "unet" else torch.contiguous_format
        self.params = {
            name: self.laid_out(torch_models.load(name, value)).requires_grad_() for name, value in task.params.items()
        }
        self.initial = [value.detach().clone() for value in self.params.values()]
        self.ema = [value.clone() for value in self.initial]
        settings = task.settings
        self.optimizer = torch.optim.AdamW(
            self.params.values(),
            lr=settings["learningRate"],
            betas=(settings["beta1"], settings["beta2"]),
            eps=settings["epsilon"],
            weight_decay=0,
            fused=True,
        )
        # the graph must compile as a whole: where it breaks, PyTorch silently continues in eager mode
        self.gradients = torch.compile(self.by_transform, fullgraph=True) if compiled else self.by_backward
        evaluate = torch_models.network(task.config, fused=True, device=device)
        self.evaluate = torch.compile(evaluate, fullgraph=True) if compiled else evaluate

    def train(self, batch: Batch) -> dict[str, float]:
        """One training step; returns its loss and metrics."""
        gradients, loss, metrics = self.gradients(*self.tensors(batch))
        for name, p in self.params.items():
            p.grad = self.laid_out(gradients[name])  # fused AdamW pairs numbers by their place in memory
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(gradients.values()))))
        self.optimizer.step()
        values = [p.detach() for p in self.params.values()]
        torch._foreach_lerp_(self.ema, values, 1 - self.task.settings["emaDecay"])
        metrics |= {"loss": loss.detach(), "gradientNorm": norm}
        return {name: value.item() for name, value in metrics.items()}

    def by_backward(self, *batch: Optional[Tensor]) -> tuple[torch_models.Params, Tensor, dict[str, Tensor]]:
        """Gradients, loss and metrics by autograd's tape: the least work in eager mode."""
        loss, metrics = self.objective(self.params, *batch)
        gradients = torch.autograd.grad(loss, list(self.params.values()))
        return dict(zip(self.params, gradients)), loss, metrics

    def by_transform(self, *batch: Optional[Tensor]) -> tuple[torch_models.Params, Tensor, dict[str, Tensor]]:
        """The same by a function transform, which torch.compile can trace as one graph."""
        params = {name: p.detach() for name, p in self.params.items()}
        gradients, (loss, metrics) = torch.func.grad_and_value(self.objective, has_aux=True)(params, *batch)
        return gradients, loss, metrics

    def objective(
        self, params: torch_models.Params, x0: Tensor, noise: Tensor, t: Tensor, s: Tensor, label: Optional[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and metrics of "Align Your Flow", Algorithm 1, with z - x0 as the teacher's velocity."""
        per_sample = (-1, *[1] * (x0.ndim - 1))
        xt = x0 + t.reshape(per_sample) * (noise - x0)
        velocity = noise - x0
        with self.autocast():
            F, dF = torch.func.jvp(
                lambda x, time: self.network(params, x, time, s, label).float(),
                (xt, t),
                (velocity, torch.ones_like(t)),
            )
        stopped = F.detach()
        error = stopped - velocity
        g = error + (self.task.settings["r"] * (t - s)).reshape(per_sample) * dF.detach()
        norm = sample_norm(g)
        target = stopped - g / (norm + self.task.settings["c"])
        loss = (F - target).square().sum() / x0.shape[0]
        return loss, {"tangentNorm": norm.mean(), "velocityError": sample_norm(error).mean()}

    def sample(self, batch: Batch) -> np.ndarray:
        """Points that the flow map reaches from the batch's noise."""
        with torch.inference_mode(), self.autocast():
            _, x, _, _, label = self.tensors(batch)
            for start, end in zip(self.task.times, self.task.times[1:]):
                times = [1 if self.one_time else len(x)]
                t, s = (torch.full(times, time, device=self.device) for time in (start, end))
                x = x + (end - start) * self.evaluate(self.params, x, t, s, label)
            return x.float().cpu().numpy()

    def peak_device_memory(self) -> int:
        """The most memory that PyTorch's tensors have held on the GPU, in bytes."""
        return torch.cuda.max_memory_reserved()

    def tensors(self, batch: Batch) -> list[Optional[Tensor]]:
        return [None if value is None else self.laid_out(torch.from_numpy(value)) for value in batch]

    def laid_out(self, x: Tensor) -> Tensor:
        """A tensor on the device in the network's layout; only images and kernels have more than one."""
        return x.to(self.device).contiguous(memory_format=self.layout if x.ndim == 4 else torch.contiguous_format)

    def distances(self) -> dict[str, float]:
        """How far the parameters and their moving average have moved."""
        values = [p.detach() for p in self.params.values()]
        return {"moved": distance(values, self.initial), "emaMoved": distance(self.ema, self.initial)}


def sample_norm(x: Tensor) -> Tensor:
    return torch.sqrt(x.square().sum(dim=tuple(range(1, x.ndim)), keepdim=True))


def distance(a: list[Tensor], b: list[Tensor]) -> float:
    return sum((x - y).double().square().sum().item() for x, y in zip(a, b)) ** 0.5
