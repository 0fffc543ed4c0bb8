"""Models of TensorFlow as ONNX files by tf2onnx, with values and derivatives by GradientTape to compare with what is imported.

    python tools/reference/tensorflow_models.py FOLDER           # more channels, in the operator sets 13, 15 and 18
    python tools/reference/tensorflow_models.py --small FOLDER   # those of the tests, about 100 kB, in 13 or 18

Writes an MLP, a convolutional network, a U-net and attention with weights from a fixed seed: NAME-opsetN.onnx. NAME.safetensors holds arguments and results as `imported_models.py` does: `sample`, `timestep`,
`class_labels`; `tangent.sample`, `tangent.timestep`; `output`, `jvp`, `cotangent` and `gradient.PARAMETER`, in float32, computed in
float64. Its metadata say which initializer of which file is which parameter, and the order of the parameter's axes in it, since tf2onnx
turns kernels. Parameters that are folded into others, such as those of batch norms, are left out.
"""

import argparse
import itertools
import json
import os
from datetime import date
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

OPSETS = [13, 15, 18]
TIMESTEPS = [3.5, 40.75, 471.25]
CLASSES = 5
layers = tf.keras.layers


def time_features(timestep, width):
    """Sines and cosines of times at frequencies from 1 to 1/1000."""
    rates = np.exp(np.linspace(0.0, -np.log(1000.0), width // 2)).astype(timestep.dtype.as_numpy_dtype)
    angles = timestep[:, tf.newaxis] * rates[np.newaxis]
    return tf.concat([tf.sin(angles), tf.cos(angles)], axis=1)


def inputs_of(shape, dtype):
    sample = tf.keras.Input(shape, name="sample", dtype=dtype)
    timestep = tf.keras.Input((), name="timestep", dtype=dtype)
    labels = tf.keras.Input((), name="class_labels", dtype="int32")
    return sample, timestep, labels


def mlp(width, dtype):
    sample, timestep, labels = inputs = inputs_of((2,), dtype)
    embedded = layers.Embedding(CLASSES, width)(labels)
    x = layers.Concatenate()([sample, time_features(timestep, width), embedded])
    for activation in ("gelu", "swish", "elu", "softplus", "tanh", "selu"):
        x = layers.LayerNormalization()(layers.Dense(width, activation=activation)(x))
    return tf.keras.Model(inputs, layers.Dense(2)(x))


def convolutional(width, dtype):
    """Strides, padding, depthwise kernels, batch norms, pools, and a softmax at the end."""
    sample, timestep, labels = inputs = inputs_of((3 * width, 2 * width, 3), dtype)
    x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(sample)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    x = layers.DepthwiseConv2D(3, padding="same")(layers.ZeroPadding2D(1)(x))
    x = layers.PReLU(shared_axes=[1, 2])(x) + layers.LeakyReLU()(x)
    x = layers.AveragePooling2D(2, padding="same")(x)
    scale = layers.Dense(width, activation="hard_sigmoid")(layers.GlobalAveragePooling2D()(x))
    x = layers.SeparableConv2D(2 * width, 3, dilation_rate=2)(x * scale[:, tf.newaxis, tf.newaxis])
    x = tf.reduce_max(x, axis=[1, 2]) + tf.math.reduce_std(x, axis=[1, 2])
    x = tf.concat([x, time_features(timestep, width), tf.cast(tf.one_hot(labels, CLASSES), dtype)], axis=1)
    return tf.keras.Model(inputs, layers.Dense(7, activation="softmax")(x))


def unet(width, dtype):
    """Down to half the resolution and up again, in both ways that there are, with times and classes in its blocks."""
    sample, timestep, labels = inputs = inputs_of((2 * width, 2 * width, 3), dtype)
    told = layers.Dense(width, activation="swish")(time_features(timestep, width)) + layers.Embedding(CLASSES, width)(labels)

    def block(x, channels):
        y = layers.Conv2D(channels, 3, padding="same")(tf.nn.silu(layers.GroupNormalization(groups=2)(x)))
        y = y + layers.Dense(channels)(told)[:, tf.newaxis, tf.newaxis]
        y = layers.Conv2D(channels, 3, padding="same")(tf.nn.silu(layers.GroupNormalization(groups=2)(y)))
        return y + (x if x.shape[-1] == channels else layers.Conv2D(channels, 1)(x))

    first = block(layers.Conv2D(width, 3, padding="same")(sample), width)
    lower = block(layers.Conv2D(width, 3, strides=2, padding="same")(first), 2 * width)
    lower = block(layers.AveragePooling2D()(lower), 2 * width)
    up = layers.Conv2DTranspose(width, 4, strides=2, padding="same")(lower)
    up = layers.UpSampling2D(interpolation="nearest")(up)
    x = block(layers.Concatenate()([up, first]), width)
    return tf.keras.Model(inputs, layers.Conv2D(3, 3, padding="same")(tf.nn.silu(x)))


class Attention(tf.keras.Model):
    """Patches, positions, heads by Einsum, a mask, and what times and classes scale and shift."""

    side, patch = 8, 2

    def __init__(self, width):
        super().__init__()
        self.width, self.tokens, channels = width, (self.side // self.patch) ** 2, 3 * self.patch**2
        self.inwards, self.times, self.outwards = layers.Dense(width), layers.Dense(width), layers.Dense(channels)
        self.positions, self.labels = layers.Embedding(self.tokens, width), layers.Embedding(CLASSES, width)
        self.blocks = [
            {
                "modulation": layers.Dense(2 * width),
                "plain": layers.LayerNormalization(center=False, scale=False),
                "attention": layers.MultiHeadAttention(2, width // 2),
                "norm": layers.LayerNormalization(),
                "wide": layers.Dense(2 * width, activation="gelu"),
                "narrow": layers.Dense(width),
            }
            for _ in range(2)
        ]

    def call(self, inputs):
        sample, timestep, labels = inputs
        x = self.inwards(tf.reshape(tf.nn.space_to_depth(sample, self.patch), [-1, self.tokens, 3 * self.patch**2]))
        x = x + self.positions(tf.range(self.tokens))[tf.newaxis]
        told = tf.nn.silu(self.times(time_features(timestep, self.width)) + self.labels(labels))
        for block in self.blocks:
            shift, scale = tf.split(block["modulation"](told)[:, tf.newaxis], 2, axis=-1)
            y = block["plain"](x) * (1 + scale) + shift
            x = x + block["attention"](y, y, use_causal_mask=True)
            x = x + block["narrow"](block["wide"](block["norm"](x)))
        patches = self.side // self.patch
        return tf.nn.depth_to_space(tf.reshape(self.outwards(x), [-1, patches, patches, 3 * self.patch**2]), self.patch)


def attention(width, dtype):
    model = Attention(width)
    shape = (1, model.side, model.side, 3)
    model([tf.zeros(shape, dtype), tf.zeros(1, dtype), tf.zeros(1, tf.int32)])
    return model


MODELS = {"tf-mlp": mlp, "tf-convolutional": convolutional, "tf-unet": unet, "tf-attention": attention}
# Width and operator set of those of the tests.
SMALL = {"tf-mlp": (8, 18), "tf-convolutional": (8, 13), "tf-unet": (4, 18), "tf-attention": (8, 13)}
# With its images' channels first, as a teacher of Flowmap has them.
CHANNELS_FIRST = {"tf-unet"}


def built(build, width, dtype):
    tf.keras.backend.set_floatx(dtype)
    return build(width, dtype)


def drawn(build, width):
    """The model in float32, of whose weights none is constant."""
    tf.keras.utils.set_random_seed(0)
    model = built(build, width, "float32")
    generator = np.random.default_rng(0)
    weights = [value + 0.05 * generator.standard_normal(value.shape) for value in model.get_weights()]
    model.set_weights([np.abs(value) if "variance" in weight.name else value for weight, value in zip(model.weights, weights)])
    return model


def derivative(apply, points, along):
    """The derivative along tangents; by central differences of fourth order through an operator without a forward derivative."""
    try:
        with tf.autodiff.ForwardAccumulator(points, along) as accumulator:
            moved = apply(points)
        return accumulator.jvp(moved).numpy()
    except LookupError:
        at = lambda step: apply([point + step * tangent for point, tangent in zip(points, along)]).numpy()
        h = 1e-3
        return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


def goldens(build, width, model, inputs, tangents, cotangent):
    """Output, its derivative along the tangents, and the gradient of sum(cotangent output) by every parameter, in float64."""
    exact = built(build, width, "float64")
    exact.set_weights(model.get_weights())
    points = [tf.constant(inputs[name], tf.float64) for name in ("sample", "timestep")]
    labels = tf.constant(inputs["class_labels"])
    apply = lambda real: exact([*real, labels], training=False)
    along = [tf.constant(tangents[name], tf.float64) for name in ("sample", "timestep")]
    jvp = derivative(apply, points, along)
    with tf.GradientTape() as tape:
        output = apply(points)
        total = tf.reduce_sum(output * tf.constant(cotangent, tf.float64))
    gradient = tape.gradient(total, exact.trainable_variables)
    names = [f"{i}.{weight.name.removesuffix(':0')}" for i, weight in enumerate(exact.trainable_variables)]
    values = [weight.numpy() for weight in model.trainable_variables]
    derivatives = {name: tf.convert_to_tensor(value).numpy() for name, value in zip(names, gradient)}
    return output.numpy(), jvp, derivatives, dict(zip(names, values))


def arrangement(value, stored):
    """The initializer that holds a parameter, perhaps in another shape, and the order of the parameter's axes in it."""
    for axes in itertools.permutations(range(value.ndim)):
        wanted = value.transpose(axes).ravel()
        for name, held in stored.items():
            if held.size == wanted.size and np.array_equal(held.ravel(), wanted):
                return name, axes
    return None


def without_names(path):
    """Takes out the names of nodes and the types of values, which are most of a small file."""
    model = onnx.load(str(path))
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.name = ""
    onnx.save(model, str(path))


def write(name, build, width, opsets, folder):
    model = drawn(build, width)
    first = name in CHANNELS_FIRST
    generator = np.random.default_rng(1)
    sample_shape = (model.side, model.side, 3) if isinstance(model, Attention) else model.inputs[0].shape[1:]
    shape = (len(TIMESTEPS), *sample_shape)
    normal = lambda of: generator.standard_normal(of).astype(np.float32)
    inputs = {"sample": normal(shape), "timestep": np.array(TIMESTEPS, np.float32), "class_labels": np.array([0, 4, 2], np.int32)}
    tangents = {"sample": normal(shape), "timestep": np.array([1.0, -0.5, 0.25], np.float32)}
    cotangent = normal(model([inputs[key] for key in ("sample", "timestep", "class_labels")]).shape)
    output, jvp, gradient, parameters = goldens(build, width, model, inputs, tangents, cotangent)
    tf.keras.backend.set_floatx("float32")
    places = {}
    signature = [tf.TensorSpec([None, *sample_shape], tf.float32, name="sample")]
    signature += [tf.TensorSpec([None], tf.float32, name="timestep"), tf.TensorSpec([None], tf.int32, name="class_labels")]
    run = tf.function(lambda sample, timestep, class_labels: model([sample, timestep, class_labels], training=False))
    for opset in opsets:
        file = f"{name}-opset{opset}.onnx"
        nchw = {"inputs_as_nchw": ["sample:0"], "outputs_as_nchw": ["Identity:0"]} if first else {}
        tf2onnx.convert.from_function(run, signature, opset=opset, output_path=str(folder / file), **nchw)
        if len(opsets) == 1:
            without_names(folder / file)
        onnx.checker.check_model(str(folder / file), full_check=True)
        stored = {value.name: numpy_helper.to_array(value) for value in onnx.load(str(folder / file)).graph.initializer}
        places[file] = {}
        for parameter, value in parameters.items():
            if found := arrangement(value, stored):
                places[file][parameter] = {"initializer": found[0], "axes": found[1]}
    turned = lambda value: np.moveaxis(value, -1, 1) if first and value.ndim == 4 else value
    tensors = {"output": output, "jvp": jvp, "cotangent": cotangent, **inputs} | {f"tangent.{key}": value for key, value in tangents.items()}
    tensors = {key: turned(value) for key, value in tensors.items()}
    tensors |= {f"gradient.{key}": value for key, value in gradient.items()}
    arrays = {key: np.ascontiguousarray(value, np.int32 if value.dtype == np.int32 else np.float32) for key, value in tensors.items()}
    metadata = {
        "script": "tools/reference/tensorflow_models.py",
        "versions": json.dumps({"tensorflow": tf.__version__, "tf2onnx": tf2onnx.__version__, "onnx": onnx.__version__}),
        "date": str(date.today()),
        "initializers": json.dumps(places),
    }
    save_file(arrays, folder / f"{name}.safetensors", metadata)
    for file, held in places.items():
        lost = [parameter for parameter in parameters if parameter not in held]
        print(f"{file}: {model.count_params()} parameters, {len(held)} of {len(parameters)} tensors found, {(folder / file).stat().st_size} bytes; not found: {', '.join(lost) or 'none'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true", help="the models of the tests")
    parser.add_argument("--only", choices=MODELS, help="the only model")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    for name, build in MODELS.items():
        if options.only in (None, name):
            width, opset = SMALL[name]
            write(name, build, width if options.small else 32, [opset] if options.small else OPSETS, options.folder)
