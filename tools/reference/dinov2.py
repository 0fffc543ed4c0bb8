"""Golden features of DINOv2, from Dinov2Model of transformers in float64.

    python tools/reference/dinov2.py

Nothing is downloaded: the weights are those of hashed_weights.py, by the names of published files.
"""

from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch
from hashed_weights import hashed_weights, waves
from safetensors.torch import save_file
from transformers import Dinov2Config, Dinov2Model

OUT = Path(__file__).parents[2] / "packages/eval/src/__fixtures__/dinov2.safetensors"
PUBLISHED = {"q_proj": "attention.query", "k_proj": "attention.key", "v_proj": "attention.value", "o_proj": "output.dense"}


def published(name: str) -> str:
    for ours, theirs in PUBLISHED.items():
        name = name.replace(f"attention.{ours}", f"attention.{theirs}")
    return name


def model(width: int, depth: int, size: int) -> Dinov2Model:
    """Position embeddings are for images of the size given, each patch 14 x 14."""
    config = Dinov2Config(hidden_size=width, num_attention_heads=width // 64, num_hidden_layers=depth, image_size=size)
    config._attn_implementation = "eager"
    config.patch_size = 14
    made = Dinov2Model(config).eval().double()
    shapes = {published(name): tuple(value.shape) for name, value in made.state_dict().items()}
    weights = hashed_weights(shapes)
    made.load_state_dict({name: weights[published(name)] for name in made.state_dict()})
    return made


def of_the_hub(network: Dinov2Model, size: int) -> Dinov2Model:
    """The network with position embeddings resized as facebookresearch/dinov2 does it, with the offset 0.1."""
    table = network.embeddings.position_embeddings
    side = int((table.shape[1] - 1) ** 0.5)
    grid = table[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    scale = (size / 14 + 0.1) / side
    resized = torch.nn.functional.interpolate(grid, scale_factor=(scale, scale), mode="bicubic", antialias=False)
    assert resized.shape[-1] == size // 14
    resized = resized.permute(0, 2, 3, 1).reshape(1, -1, table.shape[2])
    network.embeddings.position_embeddings = torch.nn.Parameter(torch.cat([table[:, :1], resized], 1))
    return network


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        images = torch.from_numpy(waves(1, 56)) / 127.5 - 1
        mean, deviation = (torch.tensor(v).double()[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        results = {
            "extractor": of_the_hub(model(128, 1, 98), 224)((torch.from_numpy(waves(1, 224)) / 255 - mean) / deviation).pooler_output,
            "hub": of_the_hub(model(128, 2, 98), 56)(images).pooler_output,
            "transformers": model(128, 2, 98)(images).pooler_output,
            "wide": model(1024, 1, 56)(images).pooler_output,
        }
    made = {name: version(name) for name in ("torch", "transformers")}
    made |= {"script": "tools/reference/dinov2.py", "date": str(date.today())}
    save_file({name: value.float().contiguous() for name, value in results.items()}, OUT, made)
    print({name: [float(value.abs().max()), value.shape] for name, value in results.items()})
