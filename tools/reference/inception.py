"""Golden outputs of the Inception network of 2015, from torch-fidelity and pytorch-fid in float64.

    python tools/reference/inception.py

Nothing is downloaded: the weights are those of hashed_weights.py.
"""

import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytorch_fid.inception
import torch
import torchvision
from hashed_weights import hashed_weights, waves
from safetensors.torch import save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

OUT = Path(__file__).parents[2] / "packages/eval/src/__fixtures__/inception.safetensors"


def weights() -> dict[str, torch.Tensor]:
    names = torchvision.models.inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False).state_dict()
    return hashed_weights({name: tuple(value.shape) for name, value in names.items() if value.ndim > 0})


def spatial_of(unit: torch.nn.Module, run) -> torch.Tensor:
    """The first 7 channels of what a unit computes during a run, channels last."""
    kept = []
    handle = unit.register_forward_hook(lambda module, inputs, output: kept.append(output))
    run()
    handle.remove()
    return kept[0][:, :7].permute(0, 2, 3, 1).flatten(1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    state = weights()
    images = torch.from_numpy(waves(2, 299))
    pool, logits, spatial = [], [], []
    with torch.no_grad():
        # The first image as torch-fidelity takes it: (p - 128) / 128.
        with tempfile.NamedTemporaryFile() as file:
            counts = {name.replace("running_var", "num_batches_tracked"): torch.tensor(1) for name in state if name.endswith("_var")}
            torch.save(state | counts, file.name)
            names = ["2048", "logits_unbiased"]
            fidelity = FeatureExtractorInceptionV3("inception-v3-compat", names, file.name, "float64")
        byte = images[:1].to(torch.uint8)
        spatial.append(spatial_of(fidelity.Mixed_6d.branch1x1, lambda: [out.append(v) for out, v in zip((pool, logits), fidelity(byte))]))

        # The second as pytorch-fid does: p / 255, which it takes to -1 ... 1.
        pytorch_fid.inception.load_state_dict_from_url = lambda *args, **kwargs: state | counts
        fid = pytorch_fid.inception.InceptionV3(resize_input=False).eval().double()
        unit = next(module for name, module in fid.named_modules() if name == "blocks.2.6.branch1x1")
        spatial.append(spatial_of(unit, lambda: pool.append(fid(images[1:] / 255)[0].flatten(1))))
        logits.append(pool[1] @ state["fc.weight"].double().T)

    made = {name: version(name) for name in ("torch", "torchvision", "pytorch-fid", "torch-fidelity")}
    made |= {"script": "tools/reference/inception.py", "date": str(date.today())}
    results = {"pool": pool, "logits": logits, "spatial": spatial}
    save_file({name: torch.cat([v.float() for v in parts]).contiguous() for name, parts in results.items()}, OUT, made)
    print({name: [float(p.abs().max()) for p in parts] for name, parts in results.items()})
