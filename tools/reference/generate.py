"""Writes the golden files of packages/contract: see README.md."""

import json
import sys
from datetime import date
from pathlib import Path

sys.dont_write_bytecode = True

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

from ayf_emd import ayf_emd
from dit import DitConfig, dit, parameter_shapes
from numbers_by_formula import parameters, sines
from operations import OPERATIONS

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)

FOLDER = Path(__file__).resolve().parents[2] / "packages/contract/src/goldens"

OPERATION_CASES = [
    {"name": "attention", "operation": "attention", "shapes": [[2, 2, 4, 3], [2, 2, 5, 3], [2, 2, 5, 2]]},
    {"name": "conv2d", "operation": "conv2d", "shapes": [[2, 2, 5, 4], [3, 2, 3, 2]]},
    {
        "name": "conv2d with stride and padding",
        "operation": "conv2d",
        "shapes": [[2, 3, 7, 6], [2, 3, 3, 3]],
        "options": {"stride": [2, 3], "padding": [1, 2]},
    },
    {
        "name": "conv2d with dilation and padding",
        "operation": "conv2d",
        "shapes": [[1, 2, 8, 7], [2, 2, 3, 2]],
        "options": {"dilation": [2, 3], "padding": [2, 1]},
    },
    {
        "name": "conv2d with groups",
        "operation": "conv2d",
        "shapes": [[2, 4, 5, 5], [6, 2, 3, 3]],
        "options": {"groups": 2, "padding": [1, 1]},
    },
    {
        "name": "conv2d with stride, padding, dilation and groups",
        "operation": "conv2d",
        "shapes": [[2, 4, 8, 9], [6, 2, 2, 3]],
        "options": {"stride": [2, 2], "padding": [1, 2], "dilation": [3, 2], "groups": 2},
    },
    {"name": "layerNorm", "operation": "layerNorm", "shapes": [[3, 4, 6]]},
    {"name": "groupNorm", "operation": "groupNorm", "shapes": [[2, 6, 3, 4]], "options": {"groups": 3}},
    {"name": "rmsNorm", "operation": "rmsNorm", "shapes": [[3, 4, 6]]},
    {"name": "pixelNorm", "operation": "pixelNorm", "shapes": [[2, 6, 3, 4]]},
]

DIT_STEP = {
    "network": {"shape": [3, 8, 8], "classes": 3, "patch": 2, "width": 16, "depth": 2, "heads": 4},
    "t": [0.85, 0.4],
    "s": [0.2, 0.15],
    "label": [2, 0],
    "warmup": 0.9,
}

DIT_DERIVATIVE = {
    "network": {"shape": [3, 4, 4], "classes": 3, "patch": 2, "width": 8, "depth": 1, "heads": 2},
    "t": [0.7, 0.3],
    "s": [0.1, 0.25],
    "label": [1, 2],
}


def operation_results(case: dict) -> dict[str, jax.Array]:
    """y = f(x); J v; the gradient of <u, f(x)>; and both the derivative of that along v and the gradient of <u, J v>."""
    f = lambda *x: OPERATIONS[case["operation"]](*x, **case.get("options", {}))
    x = tuple(sines(i, shape) for i, shape in enumerate(case["shapes"]))
    v = tuple(sines(10 + i, shape) for i, shape in enumerate(case["shapes"]))
    value, tangent = jax.jvp(f, x, v)
    u = sines(20, value.shape)
    gradient = lambda y: jax.grad(lambda *x: jnp.sum(u * y(*x)), argnums=range(len(x)))
    vjp, jvp_of_grad = jax.jvp(gradient(f), x, v)
    grad_of_jvp = gradient(lambda *x: jax.jvp(f, x, v)[1])(*x)
    results = {"value": value, "jvp": tangent}
    for i in range(len(x)):
        results |= {f"vjp {i}": vjp[i], f"jvp of grad {i}": jvp_of_grad[i], f"grad of jvp {i}": grad_of_jvp[i]}
    return results


def dit_inputs(case: dict) -> tuple:
    """Configuration and parameters of the student, a batch's data and noise, its times and labels."""
    student = DitConfig(**case["network"], interval=True)
    t, s, label = jnp.array(case["t"]), jnp.array(case["s"]), jnp.array(case["label"])
    shape = (len(case["t"]), *case["network"]["shape"])
    return student, parameters(parameter_shapes(student), 0), sines(200, shape), sines(201, shape, 1.4), t, s, label


def dit_step(case: dict) -> dict[str, jax.Array]:
    """Loss and metrics of AYF-EMD, and the loss's gradient with respect to every parameter, with its total norm."""
    student, params, x0, noise, t, s, label = dit_inputs(case)
    teacher = student._replace(interval=False)
    time = t[:, None, None, None]
    xt = (1 - time) * x0 + time * noise
    velocity = dit(teacher, parameters(parameter_shapes(teacher), 100), xt, t, label=label)

    def loss(params):
        return ayf_emd(lambda x, t, s: dit(student, params, x, t, s, label), xt, t, s, velocity, case["warmup"])

    (value, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(params)
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in gradient.values()))
    return {"loss": value, **metrics, "gradientNorm": norm, **named_gradient(gradient)}


def dit_derivative(case: dict) -> dict[str, jax.Array]:
    """F; its derivative J along (v, 1) in (x, t); and the gradient of <u, F + J> with respect to every parameter."""
    student, params, x, v, t, s, label = dit_inputs(case)

    def value_and_derivative(params):
        return jax.jvp(lambda x, t: dit(student, params, x, t, s, label), (x, t), (v, jnp.ones_like(t)))

    value, derivative = value_and_derivative(params)
    u = sines(202, value.shape)
    gradient = jax.grad(lambda params: jnp.sum(u * sum(value_and_derivative(params))))(params)
    return {"averageVelocity": value, "derivative": derivative, **named_gradient(gradient)}


def named_gradient(gradient: dict[str, jax.Array]) -> dict[str, jax.Array]:
    return {f"gradient.{name}": value for name, value in gradient.items()}


def write(name: str, results: dict[str, jax.Array], description: object) -> None:
    arrays = {key: np.asarray(value, order="C") for key, value in results.items()}
    for key, array in arrays.items():
        if array.dtype != np.float64 or not np.isfinite(array).all() or not array.any():
            raise ValueError(f"{name}, {key}: wanted finite float64 values, not all of them zero")
    metadata = {
        "script": "tools/reference/generate.py",
        "jax": jax.__version__,
        "date": date.today().isoformat(),
        "case": json.dumps(description),
    }
    path = FOLDER / f"{name}.safetensors"
    save_file(arrays, path, metadata)
    path.chmod(0o644)
    print(f"{path.name}: {len(arrays)} tensors, {path.stat().st_size} bytes")


FOLDER.mkdir(exist_ok=True)
operations = {
    f"{case['name']}/{key}": value for case in OPERATION_CASES for key, value in operation_results(case).items()
}
write("operations", operations, OPERATION_CASES)
write("dit-step", dit_step(DIT_STEP), DIT_STEP)
write("dit-derivative", dit_derivative(DIT_DERIVATIVE), DIT_DERIVATIVE)
