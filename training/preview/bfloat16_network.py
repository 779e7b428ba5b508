"""Kokoro's network for processors that multiply in bfloat16 faster than in float32.

As it ships, its convolutions are of int8 and take two thirds of its time. Here their weights are
floats again, and the network is cut in three: what finds durations, pitch and its harmonics, and
what turns spectra into audio, stay in float32, for pitch is a phase that adds up; the convolutions
between run in bfloat16. DNSMOS of five sentences: 3.37 as it ships, 3.39.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from training.preview.teacher import float_session

GENERATOR = "/decoder/decoder"
LAST_CONVOLUTION = f"{GENERATOR}/generator/conv_post/Conv"
NOISE_CONVOLUTIONS = "noise_convs"  # they read the harmonics
LSTM_SIZE = 256
STYLE_HALF = 128  # what the generator reads of a style
# sin(pi r)^2 for r from -0.5 to 0.5 as a polynomial of r^2 without a constant, within 1e-6
SQUARED_SINE = (9.86959097, -32.46782083, 42.6763292, -29.58385341, 10.840354)
Node = Any


class Graph:
    """A network's nodes, by what they give and what they read."""

    def __init__(self, network: Any) -> None:
        self.network, self.nodes = network, list(network.graph.node)
        self.constants = {c.name: c for c in network.graph.initializer}
        self.giver: dict[str, Node] = {}
        self.readers: defaultdict[str, list[Node]] = defaultdict(list)
        for node in self.nodes:
            self.giver |= dict.fromkeys(node.output, node)
            for name in node.input:
                self.readers[name].append(node)

    def array(self, name: str) -> NDArray[Any]:
        return np.asarray(numpy_helper.to_array(self.constants[name]))

    def add(self, name: str, values: Any) -> str:
        array = np.ascontiguousarray(values, np.float32)
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def constant_behind(self, name: str) -> NDArray[Any]:
        """The constant that a chain of nodes works on, followed by their first inputs."""
        while name not in self.constants:
            name = self.giver[name].input[0]
        return self.array(name)

    def before(self, names: list[str]) -> set[int]:
        """The ids of all nodes that these values depend on."""
        found: set[int] = set()
        waiting = list(names)
        while waiting:
            node = self.giver.get(waiting.pop())
            if node is not None and id(node) not in found:
                found.add(id(node))
                waiting += node.input
        return found

    def inputs_of(self, nodes: list[Node]) -> list[str]:
        """What these nodes read that neither they nor constants give, in order."""
        given = {name for node in nodes for name in node.output} | self.constants.keys() | {""}
        read = dict.fromkeys(name for node in nodes for name in node.input)
        return [name for name in read if name not in given]

    def part(self, nodes: list[Node], inputs: list[Any], outputs: list[str]) -> Any:
        read = {name for node in nodes for name in node.input}
        graph = helper.make_graph(
            nodes,
            "part",
            inputs,
            [helper.make_tensor_value_info(x, onnx.TensorProto.FLOAT, None) for x in outputs],
            [constant for name, constant in self.constants.items() if name in read],
        )
        opsets, version = self.network.opset_import, self.network.ir_version
        return helper.make_model(graph, opset_imports=opsets, ir_version=version)


def with_float_weights(network: Any) -> Graph:
    """The network with what was quantised made float again."""
    graph = Graph(network)
    instead: dict[int, Node] = {}
    for node in graph.nodes:
        if node.op_type in ("ConvInteger", "MatMulInteger"):
            last, made = _float_product(graph, node)
            instead[id(last)] = made
        elif node.op_type == "DynamicQuantizeLSTM":
            instead[id(node)] = _float_lstm(graph, node)
    nodes = [instead.get(id(node), node) for node in graph.nodes]
    del network.graph.node[:]
    network.graph.node.extend(nodes)
    del network.graph.initializer[:]
    network.graph.initializer.extend(graph.constants.values())
    return Graph(network)


def _float_product(graph: Graph, node: Node) -> tuple[Node, Node]:
    """The last node of an integer product, and what gives the same from floats."""
    bias: list[str] = []
    (after,) = graph.readers[node.output[0]]
    name = node.output[0]
    if after.op_type == "Add":
        (quantised,) = (x for x in after.input if x != name)
        bias = [graph.add(f"{name}_bias", graph.constant_behind(quantised).ravel())]
        (after,) = graph.readers[after.output[0]]
    (scaled,) = graph.readers[after.output[0]]
    scales = graph.giver[next(x for x in scaled.input if x != after.output[0])]
    scale = graph.array(next(x for x in scales.input if x in graph.constants))
    zero = graph.array(node.input[3]).astype(np.float32)
    if node.op_type == "ConvInteger" and scale.size > 1:
        scale, zero = scale.reshape(-1, 1, 1), zero.reshape(-1, 1, 1)
    weight = (graph.array(node.input[1]).astype(np.float32) - zero) * scale
    heard = graph.giver[node.input[0]].input[0]
    inputs = [heard, graph.add(f"{name}_weight", weight), *bias]
    if node.op_type == "MatMulInteger":
        return scaled, helper.make_node("MatMul", inputs, [scaled.output[0]], name=name)
    made = helper.make_node("Conv", inputs, [scaled.output[0]], name=name)
    made.attribute.extend(a for a in node.attribute if a.name != "auto_pad")
    return scaled, made


def _float_lstm(graph: Graph, node: Node) -> Node:
    heard, _, _, bias, lengths, hidden, cell, _, *quantisation = node.input

    def weights(which: int, scale: str, zero: str) -> str:
        values = graph.array(node.input[which]).astype(np.float32)
        zeros = graph.array(zero).astype(np.float32).reshape(2, 1, -1)
        values = (values - zeros) * graph.array(scale).reshape(2, 1, -1)
        return graph.add(f"{node.output[0]}_{which}", values.transpose(0, 2, 1))

    inputs = [heard, weights(1, *quantisation[:2]), weights(2, *quantisation[2:])]
    return helper.make_node(
        "LSTM",
        [*inputs, bias, lengths, hidden, cell],
        list(node.output),
        name=node.output[0],
        direction="bidirectional",
        hidden_size=LSTM_SIZE,
    )


def squared_sines_as_products(graph: Graph, nodes: list[Node]) -> list[Node]:
    """The same nodes without sines, which nothing makes fast: all of them are squared."""
    instead: dict[int, list[Node]] = {}
    graph.add("1/pi", 1 / np.pi)
    for power, factor in enumerate(SQUARED_SINE):
        graph.add(f"sine_{power}", factor)
    for node in nodes:
        if node.op_type == "Sin":
            (square,) = graph.readers[node.output[0]]
            instead[id(node)] = []
            instead[id(square)] = _squared_sine(node.input[0], square.output[0])
    return [made for node in nodes for made in instead.get(id(node), [node])]


def _squared_sine(angle: str, out: str) -> list[Node]:
    made: list[Node] = []

    def value(operation: str, *inputs: str, name: str = "") -> str:
        name = name or f"{out}_{len(made)}"
        made.append(helper.make_node(operation, list(inputs), [name], name=name))
        return name

    turns = value("Mul", angle, "1/pi")
    rest = value("Sub", turns, value("Round", turns))
    square = value("Mul", rest, rest)
    sum_ = value("Mul", square, f"sine_{len(SQUARED_SINE) - 1}")
    for power in reversed(range(1, len(SQUARED_SINE) - 1)):
        sum_ = value("Mul", value("Add", sum_, f"sine_{power}"), square)
    value("Mul", value("Add", sum_, "sine_0"), square, name=out)
    return made


class Bfloat16Network:
    """Runs Kokoro as onnxruntime's session does. ImportError without openvino."""

    def __init__(self, network: Any, outputs: list[str]) -> None:
        import openvino

        graph = with_float_weights(network)
        audio, *more = outputs
        convolutions, last = _cut(graph, audio)
        between = graph.inputs_of(convolutions)
        needed = graph.before([*more, *between])
        first = [node for node in graph.nodes if id(node) in needed]
        self._first = float_session(graph.part(first, list(network.graph.input), [*more, *between]))
        self._outputs, self._more = outputs, len(more)
        (spectra,) = graph.inputs_of(last)
        shapes = [value.shape for value in self._first.run(None, _SHORTEST)[self._more :]]
        inputs = [_tensor(name, shape) for name, shape in zip(between, shapes, strict=True)]
        middle = graph.part(squared_sines_as_products(graph, convolutions), inputs, [spectra])
        core = openvino.Core()
        # Pinned threads of two processes would share one core.
        # Kernels are made for each length of a sentence, a hundred for each: keep them all.
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "INFERENCE_NUM_THREADS": 1,
            "ENABLE_CPU_PINNING": False,
            "CPU_RUNTIME_CACHE_CAPACITY": "200000",
        }
        read = core.read_model(middle.SerializeToString())
        self._middle = core.compile_model(read, "CPU", settings).create_infer_request()
        self._last = float_session(graph.part(last, [_tensor(spectra, None)], [audio]))

    def run(self, names: list[str], inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The values of `names`, which are those the network was made for."""
        if names != self._outputs:
            raise ValueError(f"asked for {names}, made for {self._outputs}")
        found = self._first.run(None, inputs)
        more, between = found[: self._more], found[self._more :]
        spectra = self._middle.infer(between)[0].astype(np.float32)
        (spectra_name,) = (value.name for value in self._last.get_inputs())
        return [*self._last.run(None, {spectra_name: spectra}), *more]


_SHORTEST = {
    "tokens": np.array([[0, 50, 51, 0]]),
    "style": np.zeros((1, 256), np.float32),
    "speed": np.ones(1, np.float32),
}


def _cut(graph: Graph, audio: str) -> tuple[list[Node], list[Node]]:
    """The convolutions from harmonics to spectra, and all that comes after them."""
    (post,) = (node for node in graph.nodes if node.name == LAST_CONVOLUTION)
    harmonics = {
        node.input[0]
        for node in graph.nodes
        if NOISE_CONVOLUTIONS in node.name and node.op_type == "Conv"
    }
    until_harmonics = graph.before(list(harmonics))
    until_spectra = graph.before([post.output[0]])
    everything = graph.before([audio])
    convolutions = [
        node
        for node in graph.nodes
        if id(node) in until_spectra - until_harmonics and node.name.startswith(GENERATOR)
    ]
    last = [node for node in graph.nodes if id(node) in everything - until_spectra]
    return convolutions, last


def _tensor(name: str, shape: tuple[int, ...] | None) -> Any:
    """A float input; its last dimension may be any, but that of a style."""
    if shape is None:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
    last = shape[-1] if len(shape) == 2 and shape[-1] == STYLE_HALF else f"{name} frames"
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [*shape[:-1], last])
