# Copyright 2026 The swiftnet_ros Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""
Scales for TensorRT's implicit INT8, as a calibration cache and as dynamic ranges.

Implicit INT8 (TensorRT 8.5 to 10) takes the FP32 file and one scale for each of its tensors.
Tensors that the INT8 file quantizes have the same scales in both.
"""

from collections.abc import Mapping
from pathlib import Path
import struct

import onnx
from onnx.shape_inference import infer_shapes
from swiftnet_ros.model_spec import ModelFile
from swiftnet_ros.model_spec.qdq import QUANTIZE
from swiftnet_ros.system.files import write_together
from swiftnet_ros.system.json_text import to_json
from training.quantization.calibrate import collect_statistics
from training.quantization.calibration_images import CalibrationImages, NetworkInputs
from training.quantization.quantize import QuantizationResult
from training.quantization.quantizer import ACTIVATION_MAX, activation_scale

_HEADER = 'TRT-8502-EntropyCalibration2'


def write_tensorrt_tables(
    result: QuantizationResult, images: CalibrationImages, out: Path
) -> list[Path]:
    """Write OUT.calibration and OUT.ranges.json for the FP32 file that was quantized."""
    known = result.quantizer.scales(result.method)
    scales = tensor_scales(result.source, known, images, result.method)
    cache, ranges = (out.with_suffix(suffix) for suffix in ('.calibration', '.ranges.json'))
    limits = {name: [-ACTIVATION_MAX * s, ACTIVATION_MAX * s] for name, s in scales.items()}
    write_together({cache: cache_text(scales), ranges: to_json(limits, indent=1) + '\n'})
    return [cache, ranges]


def cache_text(scales: Mapping[str, float]) -> str:
    """Return the calibration cache: a name and a big-endian float in hex on each line."""
    lines = [f'{name}: {struct.pack(">f", scale).hex()}' for name, scale in scales.items()]
    return '\n'.join([_HEADER, *lines, ''])


def pair_scales(quantized: onnx.ModelProto) -> dict[str, float]:
    """Return the scale of every activation that the Q/DQ pairs of an INT8 file quantize."""
    constants = {item.name: item for item in quantized.graph.initializer}
    return {
        node.input[0]: float(onnx.numpy_helper.to_array(constants[node.input[1]]))
        for node in quantized.graph.node
        if node.op_type == QUANTIZE and node.input[0] not in constants
    }


def tensor_scales(
    source: ModelFile, known: Mapping[str, float], images: CalibrationImages, method: str
) -> dict[str, float]:
    """
    Return the scale of every float tensor of an FP32 file, of which some are `known`.

    The others, such as those that folding the batch norms changed, are calibrated on the images.
    """
    model, spec = source.graph, source.spec
    assert model is not None
    names = float_tensors(model)
    others = [name for name in names if name not in known]
    inputs = NetworkInputs(images, spec.input_height, spec.input_width)
    statistics = collect_statistics(model, others, inputs)
    found = {name: activation_scale(name, statistics[name].histogram, method) for name in others}
    return {name: known[name] if name in known else found[name] for name in names}


def float_tensors(model: onnx.ModelProto) -> list[str]:
    """Return the names of the float tensors that a graph computes, in topological order."""
    inferred = infer_shapes(model).graph
    floats = {
        value.name
        for value in (*inferred.value_info, *inferred.output)
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    nodes = [node for node in model.graph.node if node.op_type != 'Constant']
    return [name for node in nodes for name in node.output if name in floats]
