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
The scale table for TensorRT's implicit INT8, as a calibration cache and as ranges.

Implicit INT8 (TensorRT 8.5 to 10) takes the FP32 file and one scale for each of its tensors.
Those that the INT8 file quantizes get the very same numbers here.
"""

import json
from pathlib import Path
import struct

import onnx
from onnx.shape_inference import infer_shapes
from swiftnet_ros.model_spec import read_model, read_spec
from training.quantization.calibrate import collect
from training.quantization.calibration_images import NetworkInputs, Pictures
from training.quantization.quantize import Outcome
from training.quantization.quantizer import ACTIVATION_MAX, step

# The Xavier's last TensorRT; others read the file as well.
_HEADER = 'TRT-8502-EntropyCalibration2'


def write_tables(outcome: Outcome, source: Path, calibration: Pictures, out: Path) -> list[Path]:
    """Write OUT.calibration and OUT.ranges.json for the FP32 file that was quantized."""
    table = tensor_scales(outcome, source, calibration)
    cache, ranges = (out.with_suffix(ending) for ending in ('.calibration', '.ranges.json'))
    cache.write_text(cache_text(table))
    limits = {name: [-ACTIVATION_MAX * s, ACTIVATION_MAX * s] for name, s in table.items()}
    ranges.write_text(json.dumps(limits, indent=1) + '\n')
    return [cache, ranges]


def tensor_scales(outcome: Outcome, source: Path, calibration: Pictures) -> dict[str, float]:
    """
    Give the scale of every float tensor of the FP32 file.

    What folding the norms has changed is calibrated again on the same pictures.
    """
    model, spec = read_model(source), read_spec(source)
    known = outcome.quantizer.scales(outcome.method)
    names = float_tensors(model)
    others = [name for name in names if name not in known]
    images = NetworkInputs(calibration, spec.input_height, spec.input_width)
    found = collect(model, others, images)
    return {
        name: known[name] if name in known else step(name, found[name], outcome.method)
        for name in names
    }


def cache_text(table: dict[str, float]) -> str:
    """Write scales as TensorRT's calibration cache: a name and a big-endian float in hex."""
    lines = [f'{name}: {struct.pack(">f", scale).hex()}' for name, scale in table.items()]
    return '\n'.join([_HEADER, *lines, ''])


def float_tensors(model: onnx.ModelProto) -> list[str]:
    """List the float tensors that a graph computes from its image, in order."""
    inferred = infer_shapes(model).graph
    floats = {
        value.name
        for value in (*inferred.value_info, *inferred.output)
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    nodes = [node for node in model.graph.node if node.op_type != 'Constant']
    return [name for node in nodes for name in node.output if name in floats]
