"""tf_efficientnet_lite0 of timm as ONNX files with the published weights, without its classifier.

    python tools/reference/timm_efficientnet_lite0.py efficientnet-lite0-57934424.pth FOLDER

The README of packages/efficientnet-lite0 says where the weights come from. Writes one file with each exporter of
PyTorch, which take `images` [batch, 3, 224, 224], (p - 127) / 128 for pixels p in 0 ... 255, and give `features`
[batch, 1280], and efficientnet-lite0.safetensors with those of two images of waves, the ones in the goldens of
packages/eval.
"""

import sys
from pathlib import Path

import numpy as np
import timm
import torch
from efficientnet_lite0 import pixels
from imported_models import export_file
from safetensors.numpy import save_file

REPEATS = [1, 2, 2, 3, 3, 4, 1]


def renamed(published):
    """The published weights by the names of timm, whose blocks are numbered within their stages."""
    names = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    block = 0
    for stage, repeats in enumerate(REPEATS):
        for index in range(repeats):
            convolutions = ["depthwise", "project"] if stage == 0 else ["expand", "depthwise", "project"]
            parts = ["conv_dw", "conv_pw"] if stage == 0 else ["conv_pw", "conv_dw", "conv_pwl"]
            norms = ["_bn1", "_bn2"] if stage == 0 else ["_bn0", "_bn1", "_bn2"]
            for place, (convolution, part, norm) in enumerate(zip(convolutions, parts, norms)):
                names[f"_blocks.{block}._{convolution}_conv"] = f"blocks.{stage}.{index}.{part}"
                names[f"_blocks.{block}.{norm}"] = f"blocks.{stage}.{index}.bn{place + 1}"
            block += 1
    split = ((key.rpartition("."), value) for key, value in published.items() if not key.startswith("_fc."))
    return {f"{names[layer]}.{part}": value for (layer, _, part), value in split}


if __name__ == "__main__":
    weights, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    # Padding as in TensorFlow depends on the size; exportable layers leave no choice to the size at run time.
    model = timm.create_model("tf_efficientnet_lite0", num_classes=0, exportable=True).eval()
    model.load_state_dict(renamed(torch.load(weights, weights_only=True)))
    images = torch.from_numpy((pixels() - 127) / 128).float()
    for exporter in ("torchscript", "dynamo"):
        export_file(model, {"images": images}, "features", exporter, folder / f"efficientnet-lite0-{exporter}.onnx")
    with torch.no_grad():
        features = model.double()(images.double()).float()
    made = {"script": "tools/reference/timm_efficientnet_lite0.py", "timm": timm.__version__, "torch": torch.__version__}
    save_file({"images": images.numpy(), "features": np.ascontiguousarray(features.numpy())}, folder / "efficientnet-lite0.safetensors", made)
