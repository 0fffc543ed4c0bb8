"""Models of other libraries as ONNX files, with values and derivatives by torch.func to compare imported ones with.

    python tools/reference/imported_models.py FOLDER            # the models of docs/onnx.md
    python tools/reference/imported_models.py --small FOLDER    # those of the tests, below 300 kB

Writes a UNet2DModel with attention and a DiTTransformer2DModel of diffusers, with weights from a fixed seed, each by both
exporters of PyTorch: NAME-torchscript.onnx and NAME-dynamo.onnx. NAME.safetensors holds arguments and results in float32,
computed in float64: the inputs `sample`, `timestep` and, of the transformer, `class_labels`; the tangents
`tangent.sample` and `tangent.timestep`; `output`; its derivative `jvp` along both tangents; `cotangent` u; and
`gradient.PARAMETER` of sum(u output) with respect to every parameter. Its metadata say which initializer of which file
is which parameter, and whether it is transposed, since exporters rename parameters and fold transpositions of matrices.
"""

import argparse
import json
import warnings
from datetime import date
from pathlib import Path

import diffusers
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.numpy import save_file
from torch.nn.attention import SDPBackend, sdpa_kernel

OPSETS = {"torchscript": 17, "dynamo": 18}
# Not whole numbers, so that times are real numbers; the file takes float32 times.
TIMESTEPS = [3.5, 40.75, 471.25]


def unet(small):
    """Down and up blocks with attention at the lower resolution and in the middle."""
    size, channels, layers, groups = (8, (8, 12), 1, 4) if small else (32, (32, 64, 64), 2, 8)
    attended = len(channels) - 1
    model = diffusers.UNet2DModel(
        sample_size=size,
        in_channels=3,
        out_channels=3,
        block_out_channels=channels,
        layers_per_block=layers,
        norm_num_groups=groups,
        attention_head_dim=4 if small else 8,
        down_block_types=("DownBlock2D",) * attended + ("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * attended,
    )
    return model, (3, size, size), 0


def dit(small):
    """Blocks that times and labels modulate (adaLN-zero), without the dropout of labels, which happens only in training."""
    size, heads, width, layers, classes = (8, 2, 8, 2, 5) if small else (32, 4, 32, 6, 10)
    model = diffusers.DiTTransformer2DModel(
        sample_size=size,
        in_channels=3,
        out_channels=3,
        patch_size=2,
        num_attention_heads=heads,
        attention_head_dim=width,
        num_layers=layers,
        num_embeds_ada_norm=classes,
        norm_num_groups=1,
    )
    return model, (3, size, size), classes


MODELS = {"diffusers-unet": unet, "diffusers-dit": dit}


class Positional(torch.nn.Module):
    """The model as a function of tensors alone, which is what is exported and differentiated."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, sample, timestep, class_labels=None):
        labels = {} if class_labels is None else {"class_labels": class_labels}
        return self.model(sample, timestep, **labels, return_dict=False)[0]


def drawn(build, small):
    """The model in evaluation mode; no parameter is constant, so that each can be recognised by its values."""
    torch.manual_seed(0)
    model, shape, classes = build(small)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return Positional(model).eval(), shape, classes


def arguments(shape, classes):
    """Inputs by name, tangents of the real ones, and a cotangent."""
    batch = len(TIMESTEPS)
    normal = lambda seed: torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))
    inputs = {"sample": normal(1), "timestep": torch.tensor(TIMESTEPS)}
    if classes > 0:
        inputs["class_labels"] = torch.tensor([0, classes - 1, classes // 2])
    return inputs, {"sample": normal(2), "timestep": torch.tensor([1.0, -0.5, 0.25])}, normal(3)


def goldens(model, inputs, tangents, cotangent):
    """Output, its derivative along the tangents, and the gradient of sum(cotangent output) with respect to every
    parameter, in float64."""
    double = lambda tensors: {name: value.double() if value.is_floating_point() else value for name, value in tensors.items()}
    model, inputs, tangents, cotangent = model.double(), double(inputs), double(tangents), cotangent.double()
    real = list(tangents)

    def apply(parameters, *values):
        return torch.func.functional_call(model, parameters, kwargs=inputs | dict(zip(real, values)))

    parameters = dict(model.named_parameters())
    with sdpa_kernel(SDPBackend.MATH):  # the only attention kernel that has forward derivatives
        values = [inputs[name] for name in real]
        output, jvp = torch.func.jvp(lambda *x: apply(parameters, *x), tuple(values), tuple(tangents[name] for name in real))
        gradient = torch.func.grad(lambda p: (apply(p, *values) * cotangent).sum())(parameters)
    model.float()
    return output.detach(), jvp.detach(), {name: value.detach() for name, value in gradient.items()}


def export_file(model, inputs, output, exporter, path):
    """Writes the file with a dynamic batch; the inputs are in the order of the model's arguments."""
    names = list(inputs)
    settings = {"input_names": names, "output_names": [output], "opset_version": OPSETS[exporter]}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "torchscript":
            axes = {name: {0: "batch"} for name in [*names, output]}
            torch.onnx.export(model, tuple(inputs.values()), str(path), **settings, dynamo=False, dynamic_axes=axes)
        else:
            shapes = tuple({0: torch.export.Dim("batch", min=1, max=4096)} for _ in names)
            values = tuple(inputs.values())
            program = torch.onnx.export(model, values, **settings, dynamo=True, dynamic_shapes=shapes, verbose=False)
            program.save(str(path), external_data=False)
    onnx.checker.check_model(str(path), full_check=True)


def without_traces(path):
    """Removes what the newer exporter notes about each node, such as where in Python it comes from: most of a small file."""
    model = onnx.load(str(path))
    for part in [*model.graph.node, *model.graph.value_info, model.graph]:
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, str(path))


def initializers(path, parameters):
    """For each parameter, the initializer that holds it, perhaps in another shape, and whether it is transposed there."""
    stored = {value.name: numpy_helper.to_array(value) for value in onnx.load(str(path)).graph.initializer}
    places = {}
    for name, parameter in parameters.items():
        value = parameter.detach().numpy()
        for transposed in (False, True) if value.ndim == 2 else (False,):
            wanted = (value.T if transposed else value).ravel()
            found = [key for key, held in stored.items() if held.size == wanted.size and np.array_equal(held.ravel(), wanted)]
            if found:
                places[name] = {"initializer": found[0], "transposed": transposed}
                break
    return places


def write(name, build, small, folder):
    model, shape, classes = drawn(build, small)
    inputs, tangents, cotangent = arguments(shape, classes)
    places = {}
    for exporter in OPSETS:
        file = f"{name}-{exporter}.onnx"
        export_file(model, inputs, "out_sample", exporter, folder / file)
        if small:
            without_traces(folder / file)
        places[file] = initializers(folder / file, dict(model.named_parameters()))
    output, jvp, gradient = goldens(model, inputs, tangents, cotangent)
    tensors = {**inputs, "output": output, "jvp": jvp, "cotangent": cotangent}
    tensors |= {f"tangent.{key}": value for key, value in tangents.items()}
    tensors |= {f"gradient.{key.removeprefix('model.')}": value for key, value in gradient.items()}
    arrays = {key: np.ascontiguousarray(value.numpy(), np.int32 if value.dtype == torch.int64 else np.float32) for key, value in tensors.items()}
    metadata = {
        "script": "tools/reference/imported_models.py",
        "versions": json.dumps({"torch": torch.__version__, "diffusers": diffusers.__version__, "onnx": onnx.__version__}),
        "date": str(date.today()),
        "initializers": json.dumps({f: {p.removeprefix("model."): place for p, place in held.items()} for f, held in places.items()}),
    }
    save_file(arrays, folder / f"{name}.safetensors", metadata)
    count = sum(parameter.numel() for parameter in model.parameters())
    for file, held in places.items():
        print(f"{file}: {count} parameters, {len(held)} of {len(gradient)} tensors found, {(folder / file).stat().st_size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true", help="the models of the tests")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name, build in MODELS.items():
        write(name, build, options.small, options.folder)
