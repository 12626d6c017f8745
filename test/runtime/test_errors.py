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

"""Every error message is one line that names the value and what to do."""

import pytest
from swiftnet_ros import errors
from swiftnet_ros.errors import SwiftnetError

MADE = [
    (errors.FileMissingError('a.png'), ['file not found: a.png', 'check the path']),
    (errors.FileMissingError('/d', 'folder'), ['folder not found: /d']),
    (
        errors.LogFolderError('Read-only file system: /log'),
        ['cannot write its log: Read-only file system: /log; set ROS_LOG_DIR to a folder'],
    ),
    (errors.SharedMemoryFullError('/dev/shm'), ['/dev/shm is full; remove what', '--shm-size=1g']),
    (
        errors.ResourceLimitError('open files', 8, 64, 'ulimit -n'),
        ['only 8 open files are allowed, ROS needs at least 64; raise the limit', 'ulimit -n'],
    ),
    (
        errors.UnsetVariableError('$DATA/x', 'DATA'),
        ["'$DATA/x' has the environment variable DATA, which is not set; set it"],
    ),
    (errors.ModelNotFoundError('x', ['camvid']), ["'x'", '.onnx file', '(camvid)']),
    (errors.ModelNotFoundError('x', []), ['none is installed']),
    (errors.ModelReplacedError('x', 'y'), ['x is not shipped', 'use y', 'class ids']),
    (errors.InvalidModelError('m.onnx', 'it is odd'), ['cannot use model m.onnx: it is odd']),
    (errors.MissingSpecError('m.onnx'), ['python -m swiftnet_ros.model_spec m.onnx --classes']),
    (
        errors.OnnxMissingError('m.onnx', ImportError("No module named 'onnx'")),
        ["model m.onnx: the Python module onnx is needed to read it (No module named 'onnx')"],
    ),
    (errors.SpecVersionError(9, 1), ['version 9', 'up to 1', 'update swiftnet_ros']),
    (errors.SpecFieldError('fit', 'crop', "'stretch'"), ["fit is 'crop', expected 'stretch'"]),
    (errors.UnknownNameError('engine', 'openvin', ['openvino', 'b']), ["did you mean 'openvino'"]),
    (errors.UnknownNameError('option of x', 'zzz', []), ["option of x 'zzz'; there are none"]),
    (errors.UnknownNameError('engine', 'zzz', ['b', 'a']), ["'zzz'; choose one of: a, b"]),
    (errors.EngineUnavailableError('e', 'no GPU'), ["engine 'e' cannot be used here: no GPU"]),
    (errors.InvalidFrameError('too short'), ['invalid frame: too short']),
    (errors.UnsupportedEncodingError('32FC1', 'use rgb8'), ["'32FC1' is not supported; use rgb8"]),
    (errors.UnreadableFileError('a.png', 'image'), ['cannot read image a.png; it is damaged']),
    (
        errors.InvalidTextError('masks a.json', 'it\nends', 'valid JSON'),
        ['cannot read masks a.json: it ends; expected valid JSON'],
    ),
    (
        errors.ImageEncodingError((2, 1000001, 3), '.png'),
        ['cannot encode an image of 1000001x2x3 (width x height) as .png; choose a smaller'],
    ),
    (
        errors.FolderNotCreatedError('/out', 'Permission denied'),
        ['cannot create folder /out: Permission denied; choose another'],
    ),
    (errors.InvalidValueError('rate', -1, 'above 0'), ['rate is -1, expected above 0']),
    (
        errors.NonFiniteValueError('loss', 'nan', 'lower lr'),
        ['loss is nan, not a finite number; lower'],
    ),
    (
        errors.NonFiniteLogitsError('m', 'fp16'),
        ['model m: its logits in fp16 are NaN or infinite; use another precision'],
    ),
    (
        errors.OptionConflictError('--rate', '--no-ros'),
        ['--rate cannot be combined with --no-ros; remove one of them'],
    ),
    (errors.MissingOptionError('--mean', '--std'), ['--mean also needs --std']),
    (
        errors.PortUnavailableError(8008, 'Address already in use', '--view'),
        ['cannot open port 8008: Address already in use; choose another one, as --view 8009'],
    ),
    (
        errors.AnimationError('no WEBP'),
        ['cannot write an animated WebP: no WEBP; install one that can: pip install --upgrade'],
    ),
    (errors.NoImagesError('/d', ['.png']), ['no images in /d', '.png']),
    (errors.NoImagesError('/d', ['.png'], '2 .heic'), ['; skipped 2 .heic']),
    (
        errors.UnreadableFileError('a.png', 'image', 'Permission\ndenied'),
        ['cannot read image a.png: Permission denied'],
    ),
    (
        errors.DuplicateNameError('a.jpg', 'a.png'),
        ['a.jpg and a.png have the same name without suffix', 'rename or remove one'],
    ),
    (
        errors.UnpairedFilesError('/d: 3 pairs', 3),
        ['/d: 3 pairs; add what is missing', '--allow-unpaired'],
    ),
    (errors.UnpairedFilesError('/d', 0), ['/d; a label needs the name of its image']),
    (
        errors.LabelFormatError('a.png', 'colors', 'store ids'),
        ['label image a.png has colors, expected ids; store ids'],
    ),
    (
        errors.SizeMismatchError('a.png', (4, 8), (2, 3), '; the EXIF orientation'),
        ['expected 3x2 (width x height); the EXIF'],
    ),
    (errors.LabelIdError('a.png', [9, 12], 5), ['9, 12', '0 to 4', '255']),
    (errors.RosArgumentsError('bad\nname'), ['invalid ROS arguments: bad name']),
    (errors.NodeCleanedUpError(), ['the node was cleaned up during the reload']),
    (errors.SystemResourcesError('no memory'), ['no memory; end other programs, or allow']),
    (errors.NodeNotRespondingError('node', 'gone'), ['node: gone', 'read the log']),
    (
        errors.NodeShutdownError('segmentation'),
        ['segmentation was shut down before it was ready; restart it'],
    ),
    (errors.UnexpectedError('configure'), ['configure: unexpected error; please report it']),
    (
        errors.NoFastestError('a.onnx', ['fp16: it is odd']),
        ['no engine of a.onnx is sound: fp16: it is odd'],
    ),
    (errors.SelfCheckError(0.91234, 0.98), ['0.91234 of', 'at least 0.98;', 'lower self_check']),
    (errors.SizeMismatchError('a.png', (4, 8), (2, 3)), ['8x4 pixels, expected 3x2']),
    (
        errors.EngineMismatchError('a.engine', ['GPU is A, the engine was built for B']),
        ['a.engine does not match: GPU is A', 'rebuild it with: python -m swiftnet_ros.build'],
    ),
    (errors.EngineFileError('a.engine', 'cut'), ['cannot use engine a.engine: cut; rebuild it']),
    (
        errors.EngineCacheError('/c', 'full'),
        ['cannot cache engines in /c: full; set SWIFTNET_ROS_CACHE'],
    ),
    (
        errors.CalibrationMismatchError('a.json', 'training quantize'),
        ['file a.json is for another model (no tensor', 'create one with: training quantize'],
    ),
    (errors.BuildError('m.onnx', 'no\nway'), ['TensorRT cannot build m.onnx: no way']),
    (errors.BackendClosedError('e'), ["backend 'e' is closed; open the model again"]),
    (errors.EngineFailedError('e', 'bad\ntime'), ["engine 'e' failed: bad time; if this repeats"]),
    (
        errors.DeviceMemoryError('the logits', 9_870_000, 1_000_000, 32_000_000),
        ['for the logits: it needs 9.9 MB, 1.0 MB of 32.0 MB are free; close other'],
    ),
    (errors.BuildProcessError('it said nothing'), ['the engine was not built: it said nothing']),
    (errors.BuildCancelledError(), ['was cancelled; configure the node again']),
    (errors.ReportedError('cannot\nbuild it'), ['cannot build it']),
    (errors.EngineNotCachedError('disk full'), ['was built but not cached: disk full']),
]


@pytest.mark.parametrize(('error', 'parts'), MADE, ids=lambda value: type(value).__name__)
def test_message_is_one_line_with_value_and_remedy(error, parts):
    assert '\n' not in str(error)
    for part in parts:
        assert part in str(error)


def test_every_error_is_caught_by_the_base():
    classes = [item for item in vars(errors).values() if isinstance(item, type)]
    assert all(issubclass(item, SwiftnetError) for item in classes)


def test_every_error_has_its_message_tested():
    classes = {item for item in vars(errors).values() if isinstance(item, type)}
    assert classes - {SwiftnetError} == {type(error) for error, _ in MADE}


def test_bad_frames_are_caught_together():
    assert issubclass(errors.UnsupportedEncodingError, errors.InvalidFrameError)


def test_line_breaks_in_a_value_stay_in_its_quotes():
    error = errors.UnknownNameError('engine', 'two\nlines', ['openvino'])
    assert '\n' not in str(error)


def test_an_error_always_has_a_text():
    assert str(SwiftnetError('')) == 'SwiftnetError'
    assert str(errors.ReportedError(' ')) == 'ReportedError'
