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

# PYTHON_ARGCOMPLETE_OK: what argcomplete looks for before it completes a command.
"""
Add a model specification to an ONNX file, or state the terms of one that has it.

`python -m swiftnet_ros.model_spec MODEL --classes CLASSES.yaml -o OUT.onnx`, and
`python -m swiftnet_ros.model_spec MODEL --license Apache-2.0 --terms TEXT -o OUT.onnx`.
"""

if __name__ == '__main__':
    # Before the imports below, which take seconds: a signal in them ends the process quietly.
    from swiftnet_ros.system.program import run_command

    run_command('swiftnet_ros.model_spec.__main__')


from argparse import Namespace
from dataclasses import replace
from pathlib import Path
import sys
from typing import Any, List, Optional, Tuple

from swiftnet_ros.errors import (
    InvalidModelError,
    InvalidValueError,
    MissingOptionError,
    SwiftnetError,
    UnknownNameError,
    UnreadableFileError,
)
from swiftnet_ros.model_spec.adapt import Normalization, spec_for, wrap
from swiftnet_ros.model_spec.contract import check_graph
from swiftnet_ros.model_spec.onnx_file import (
    check_opset,
    read_model,
    read_model_file,
    write_model,
)
from swiftnet_ros.model_spec.spec import (
    classes_from_tree,
    LICENSE_HELP,
    SemanticClass,
    TERMS_HELP,
    unlabeled_id_for,
)
from swiftnet_ros.system.command_line import ExampleParser
from swiftnet_ros.system.image_size import network_size
from swiftnet_ros.system.library_errors import library_errors
from swiftnet_ros.system.paths import path_argument
from swiftnet_ros.system.process import exit_code
from swiftnet_ros.system.yaml_reader import read_yaml


def read_classes(path: Path) -> Tuple[SemanticClass, ...]:
    """Return the classes of a YAML file `classes: [{name, rgb}, ...]`."""
    tree: Any = read_yaml(path, 'classes file')
    if not isinstance(tree, dict) or 'classes' not in tree:
        raise InvalidValueError(str(path), type(tree).__name__, '`classes: [{name, rgb}, ...]`')
    for key in tree:
        if key != 'classes':
            raise UnknownNameError(f'key in {path}', key, ['classes'])
    try:
        return classes_from_tree(tree['classes'])
    except SwiftnetError as error:
        raise UnreadableFileError(path, 'classes file', error) from error


def set_terms(arguments: Namespace) -> int:
    """Write a model that has a specification with the terms of the arguments; nothing else."""
    for name in ('mean', 'std', 'size', 'name', 'unlabeled_id', 'trained_on'):
        if getattr(arguments, name) is not None:
            raise MissingOptionError(f'--{name.replace("_", "-")}', '--classes')
    file = read_model_file(arguments.model)
    assert file.graph is not None
    given = {'license': arguments.license, 'terms': arguments.terms}
    spec = replace(file.spec, **{key: text for key, text in given.items() if text is not None})
    write_model(file.graph, arguments.output, spec, file.golden)
    print(f'wrote {arguments.output}', file=sys.stderr)
    return 0


def add_spec(arguments: Namespace) -> int:
    """Write the model of the arguments with its specification; return the exit code."""
    if (arguments.mean is None) != (arguments.std is None):
        names = ('--std', '--mean') if arguments.mean is None else ('--mean', '--std')
        raise MissingOptionError(*names)
    normalization = None
    if arguments.mean:
        normalization = Normalization(tuple(arguments.mean), tuple(arguments.std))
    classes = read_classes(arguments.classes)
    path = arguments.model
    foreign = read_model(path)
    check_opset(foreign, path)
    # Parts of ONNX itself: they may raise anything for a graph that is no valid ONNX.
    with library_errors(lambda reason: InvalidModelError(path, f'it is no valid ONNX: {reason}')):
        model = wrap(foreign, path, normalization, arguments.size)
    unlabeled_id = arguments.unlabeled_id
    if unlabeled_id is None:
        unlabeled_id = unlabeled_id_for(len(classes))
    name = arguments.name or path.stem
    trained_on = 'unknown' if arguments.trained_on is None else arguments.trained_on
    spec = spec_for(model, path, name, classes, unlabeled_id, trained_on)
    spec = replace(spec, license=arguments.license or '', terms=arguments.terms or '')
    check_graph(model, spec, path)
    write_model(model, arguments.output, spec, None)
    print(f'wrote {arguments.output}', file=sys.stderr)
    return 0


def make_parser() -> ExampleParser:
    """Return the parser of the command line."""
    example = (
        'python -m swiftnet_ros.model_spec net.onnx --classes classes.yaml -o mine.fp32.onnx '
        '--mean 0.485 0.456 0.406 --std 0.229 0.224 0.225'
    )
    description = 'Add a model specification to an ONNX file, or state the terms of one.'
    parser = ExampleParser('python -m swiftnet_ros.model_spec', description, example)
    parser.add_argument('model', type=path_argument, metavar='MODEL', help='ONNX file')
    parser.add_argument('--classes', type=path_argument, help='YAML: classes: [{name, rgb}]')
    for name in ('--mean', '--std'):
        help_text = 'of R, G, B, 0 to 1, as in training; needed for a float input'
        parser.add_argument(name, type=float, nargs=3, metavar=('R', 'G', 'B'), help=help_text)
    help_text = 'of the input, if the graph leaves it dynamic'
    parser.add_argument('--size', type=network_size, metavar='WIDTHxHEIGHT', help=help_text)
    parser.add_argument('--name', help='name of the model; default: name of the file')
    parser.add_argument('--unlabeled-id', type=int, help='id of unlabeled pixels; default: 255')
    parser.add_argument('--trained-on', help='dataset and split')
    parser.add_argument('--license', metavar='SPDX', help=LICENSE_HELP)
    parser.add_argument('--terms', metavar='TEXT', help=TERMS_HELP)
    parser.add_argument(
        '-o', '--output', type=path_argument, required=True, help='ONNX file to write'
    )
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command and return its exit code."""
    command = make_parser()
    arguments = command.parse_args(argv)
    if arguments.classes is not None:
        return exit_code(lambda: add_spec(arguments))
    if arguments.license is None and arguments.terms is None:
        command.error('one of these arguments is required: --classes, --license, --terms')
    return exit_code(lambda: set_terms(arguments))
