"""Our part of the ONNX schema agrees with ONNX's own."""

from google.protobuf import descriptor_pb2
from onnx import onnx_ml_pb2

from tilth.v1 import onnx_pb2

Fields = dict[str, tuple[int, int, int, str]]


def _fields(module: object) -> tuple[dict[str, Fields], dict[str, dict[str, int]]]:
    file = descriptor_pb2.FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)  # type: ignore[attr-defined]
    messages: dict[str, Fields] = {}
    enums: dict[str, dict[str, int]] = {}

    def visit(message: descriptor_pb2.DescriptorProto, path: str) -> None:
        messages[path] = {
            f.name: (f.number, f.type, f.label, f.type_name.rpartition("onnx.")[2])
            for f in message.field
        }
        for enum in message.enum_type:
            enums[f"{path}.{enum.name}"] = {value.name: value.number for value in enum.value}
        for nested in message.nested_type:
            visit(nested, f"{path}.{nested.name}")

    for message in file.message_type:
        visit(message, message.name)
    return messages, enums


def test_every_field_has_onnxs_number_type_and_label() -> None:
    ours, _ = _fields(onnx_pb2)
    theirs, _ = _fields(onnx_ml_pb2)

    assert ours.keys() <= theirs.keys()
    for name, fields in ours.items():
        assert fields.items() <= theirs[name].items(), name


def test_every_enum_value_has_onnxs_number() -> None:
    _, ours = _fields(onnx_pb2)
    _, theirs = _fields(onnx_ml_pb2)

    assert {
        name: values.items() <= theirs[name].items() for name, values in ours.items()
    } == dict.fromkeys(ours, True)
