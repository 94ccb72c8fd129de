"""What runs in the jail: compile the author's model, then answer with gradients until told to stop.

Everything here is untrusted by the other side from the moment the author's bytes arrive.
"""

import json
import os
import socket
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Final

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it is decided when ONNX Runtime is imported
import onnxruntime as ort

from tilth.engine import compiler, gate, shared, wire
from tilth.engine.core import Singles
from tilth.engine.layout import THE_ROWS, Layout, ParameterLayout
from tilth.engine.losses import LABEL
from tilth.engine.outcomes import Reason, Refused
from tilth.engine.spec import CPU, PROVIDERS, Limits
from tilth.engine.values import Array
from tilth.engine.wire import Channel

_LONGEST_MESSAGE: Final = 1 << 30


def serve(end: socket.socket, memory: int, limits: Limits) -> None:
    """Answer until the other side leaves; never returns."""
    channel = Channel(end)
    try:
        channel.send(wire.READY)
        _Worker(channel, memory, limits).run()
    except wire.Closed:
        os._exit(0)
    except MemoryError:
        os._exit(wire.EXIT_NO_MEMORY)
    except BaseException as error:  # noqa: BLE001 nothing may unwind into the zygote's loop
        os._exit(wire.EXIT_NO_MEMORY if _wants_memory(error) else wire.EXIT_BROKEN)


def _wants_memory(error: BaseException) -> bool:
    text = str(error)
    return "bad_alloc" in text or "Failed to allocate memory" in text


class _Worker:
    def __init__(self, channel: Channel, memory: int, limits: Limits) -> None:
        self._channel = channel
        self._memory = memory
        self._limits = limits
        self._job: Job | None = None

    def run(self) -> None:
        while True:
            tag, length = self._channel.next()
            try:
                self._answer(tag, length)
            except Refused as refusal:
                fields = {"reason": refusal.reason.value, "text": refusal.text}
                self._channel.send(wire.REFUSAL, json.dumps(fields).encode())

    def _answer(self, tag: bytes, length: int) -> None:
        if tag == wire.STEP:
            self._serving().run()
            return self._channel.send(wire.RESULT)
        body = self._channel.body(length, _LONGEST_MESSAGE)
        if tag == wire.PREPARE:
            self._serving().prepare(int.from_bytes(body, "little"), self._memory)
            self._channel.send(wire.READY)
        elif tag == wire.CHECK:
            self._admit(*_opened(body))
        else:
            order, rest = _opened(body)
            model, weights = rest[: order["model_bytes"]], rest[order["model_bytes"] :]
            self._channel.send(wire.RESULT, released(model, weights, self._limits, order["frozen"]))
        return None

    def _admit(self, order: dict[str, Any], model: bytes) -> None:
        program = _compiled(order, model, self._limits)
        initial = [p.initial for p in program.parameters]
        size = 0
        if order["kind"] == wire.TRAIN:
            flat = b"".join(array.tobytes() for array in initial)
            size = len(released(model, flat, self._limits, order["frozen"]))
        self._job = Job(program, size, order["provider"])
        self._channel.send(wire.LAYOUT, self._job.layout.to_json())
        self._channel.send(wire.WEIGHTS, *initial)

    def _serving(self) -> "Job":
        assert self._job is not None, "the trusted side checks a model before it sends rows"
        return self._job


def _opened(body: bytes) -> tuple[dict[str, Any], bytes]:
    order, _, rest = body.partition(b"\0")
    return json.loads(order), rest


def _compiled(order: dict[str, Any], model: bytes, limits: Limits) -> compiler.Program:
    if order["kind"] == wire.TRAIN:
        return compiler.training(model, order["loss"], limits, frozen=order["frozen"])
    if order["kind"] == wire.EVALUATE:
        return compiler.evaluation(model, order["loss"], order["bound"], limits)
    compile_ = compiler.mapping if order["kind"] == wire.MAP else compiler.inference
    return compile_(model, limits)


def layout_of(program: compiler.Program, released_bytes: int) -> Layout:
    position = {name: i for i, (name, _) in enumerate(program.outputs)}
    position[compiler.INPUT] = THE_ROWS
    labels = program.labels
    sizes = [size for _, size in program.outputs]
    features = int(np.prod(program.input_shape))
    parameters = [
        _parameter_layout(parameter, [position[name] for name in names], sizes, features)
        for parameter, names in zip(program.parameters, program.gradients, strict=True)
    ]
    # without parameters the one output itself is what is summed
    whole = [ParameterLayout((size,), (i,)) for i, (_, size) in enumerate(program.outputs)]
    return Layout(
        input_shape=program.input_shape,
        output_shape=program.output_shape,
        label_size=int(np.prod(labels.shape)) if labels else 0,
        integer_labels=labels is not None and labels.integer,
        parameters=tuple(parameters or whole),
        outputs=tuple(size for _, size in program.outputs),
        row_flops=program.cost.flops,
        row_values=program.cost.values,
        released_bytes=released_bytes,
    )


def _parameter_layout(
    parameter: compiler.Parameter, parts: Sequence[int], sizes: Sequence[int], features: int
) -> ParameterLayout:
    shape, terms = parameter.initial.shape, 1
    if len(parts) == 2:
        terms = (features if parts[0] == THE_ROWS else sizes[parts[0]]) // shape[0]
    return ParameterLayout(shape, tuple(parts), terms)


class Job:
    """A live session with everything bound in advance to shared memory: a run copies nothing."""

    def __init__(self, program: compiler.Program, released_bytes: int, provider: str = CPU) -> None:
        self.layout = layout_of(program, released_bytes)
        self._program = program
        self._session = session(program.model, provider, tiny_is_zero=True)
        self._bindings: list[Any] = []
        self._sources: dict[str, Array] = {}

    def prepare(self, rows: int, memory: int) -> None:
        """Bind each microbatch of a chunk of so many rows to its place."""
        shared_memory = shared.mapped_in_jail(memory, shared.size_of(self.layout, rows))
        desk = shared.desk(self.layout, rows, shared_memory)
        sources = {**self._weights(desk.weights), compiler.INPUT: desk.rows, LABEL: desk.labels}
        self._sources = sources  # bindings hold addresses, not references
        starts = range(0, rows, self._program.batch)
        self._bindings = [self._bound(sources, desk.outputs, start) for start in starts]

    def run(self) -> None:
        for binding in self._bindings:
            self._session.run_with_iobinding(binding)

    def _weights(self, flat: Singles) -> dict[str, Array]:
        parameters = self._program.parameters
        ends = list(accumulate(p.initial.size for p in parameters))
        pieces = np.split(flat, ends)[:-1]
        return {p.name: piece for p, piece in zip(parameters, pieces, strict=True)}

    def _bound(self, sources: dict[str, Array], outputs: Sequence[Array], start: int) -> Any:
        binding = self._session.io_binding()
        by_row = (compiler.INPUT, LABEL)
        for needed in self._session.get_inputs():
            array = sources[needed.name][start if needed.name in by_row else 0 :]
            _bind(binding.bind_input, needed.name, array, needed.shape)
        for output, array in zip(self._session.get_outputs(), outputs, strict=True):
            _bind(binding.bind_output, output.name, array[start:], output.shape)
        return binding


def session(model: bytes, provider: str = CPU, *, tiny_is_zero: bool = False) -> Any:
    """One thread, no reading of anything but these bytes, no output.

    Tiny numbers take many times as long, so that rows could be told by the time they take. The
    first session of a process decides for the whole of it: for workers that of the zygote.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if tiny_is_zero:
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return ort.InferenceSession(model, options, providers=[PROVIDERS[provider]])


def providers() -> list[str]:
    """What this installation of ONNX Runtime can run on."""
    return list(ort.get_available_providers())


def _bind(bind: Callable[..., None], name: str, array: Array, shape: Sequence[int]) -> None:
    bind(name, "cpu", 0, array.dtype.type, list(shape), array.ctypes.data)


def released(model: bytes, weights: bytes, limits: Limits, frozen: Sequence[str] = ()) -> bytes:
    """The author's own file with its trained weights, and without what the schema leaves out."""
    proto = gate.read(model, limits)
    proto.DiscardUnknownFields()
    tensors = {tensor.name: tensor for tensor in proto.graph.initializer}
    start = 0
    for parameter in compiler.trained_parameters(model, limits, frozen):
        tensor, end = tensors[parameter.author], start + 4 * parameter.initial.size
        tensor.ClearField("float_data")
        tensor.raw_data = weights[start:end]
        start = end
    if start != len(weights):
        raise Refused(Reason.MALFORMED, "the weights are not those of this model")
    return proto.SerializeToString()
