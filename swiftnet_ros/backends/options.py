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

"""The options of every backend, declared once for command lines, ROS parameters and cache keys."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, Field, field, fields
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Type, TypeVar

from swiftnet_ros.errors import InvalidValueError, UnknownNameError
from swiftnet_ros.system.paths import expand_path

AUTO = 'auto'
PRECISIONS = (AUTO, 'fp32', 'bf16', 'fp16', 'int8')
CALIBRATORS = ('entropy2', 'minmax')
# The name of `auto` in earlier versions of build_engine.
_BEST = 'best'

OptionsT = TypeVar('OptionsT', bound='BackendOptions')


def _option(
    default: Any,
    description: str,
    flags: Tuple[str, ...] = (),
    *,
    limits: Tuple[float, ...] = (),
    choices: Tuple[str, ...] = (),
    metavar: str = '',
    parameter: bool = True,
    in_key: bool = False,
    is_path: bool = False,
) -> Any:
    """
    Declare one option.

    `flags` are its names on a command line, `limits` the lowest and highest value. `parameter`:
    a node declares it as a ROS parameter of the field's name. `in_key`: another value is another
    engine in the cache. `is_path`: it is expanded by `expand_path`.
    """
    return field(
        default=default,
        metadata={
            'description': description,
            'flags': flags,
            'limits': limits,
            'choices': choices,
            'metavar': metavar,
            'parameter': parameter,
            'in_key': in_key,
            'is_path': is_path,
        },
    )


@dataclass(frozen=True)
class BackendOptions:
    """
    How a model is run: the backend, its precision and what an engine is built with.

    Every field has its description, limits and command-line flags in its metadata. Raises
    UnknownNameError or InvalidValueError for a value that no backend takes, UnsetVariableError
    for a path with such a variable.
    """

    engine: str = _option(
        AUTO, 'backend that runs the model: auto, openvino or tensorrt', ('--engine',)
    )
    precision: str = _option(
        AUTO,
        'fp32, bf16 and fp16 run the float file of a pair in that arithmetic, int8 runs the int8 '
        'file; auto is the default file in the fastest precision of the backend',
        ('--precision',),
        choices=PRECISIONS,
        in_key=True,
    )
    threads: int = _option(
        0,
        'CPU threads of the backend; 0 takes every CPU that the process may use',
        ('--threads',),
        limits=(0, 256),
    )
    self_check_min_agreement: float = _option(
        -1.0,
        'fraction of the golden labels that an engine must predict when it is opened; 0.0 accepts '
        'any, -1.0 is what the model demands, else 0.98, in int8 0.95',
        limits=(-1.0, 1.0),
    )
    calibration: str = _option(
        '',
        'scales for int8 from a float model: X.calibration or X.ranges.json of training quantize, '
        'or a folder of images like those of the camera; empty is none (tensorrt)',
        ('--calibration',),
        metavar='PATH',
        is_path=True,
        in_key=True,
    )
    dla: int = _option(
        -1,
        'DLA core that runs what it can of the network; -1 is none (tensorrt on a Jetson)',
        ('--dla',),
        limits=(-1, 7),
        metavar='N',
        in_key=True,
    )
    workspace_mb: int = _option(
        0,
        'GPU memory, in MiB, that the builder may use for one layer; 0 is its own default '
        '(tensorrt)',
        ('--workspace-mb',),
        limits=(0, 2**20),
        metavar='N',
        in_key=True,
    )
    engine_cache: str = _option(
        '',
        'folder of built engines, for its owner only; empty is $SWIFTNET_ROS_CACHE, else '
        '~/.cache/swiftnet_ros (tensorrt)',
        ('--cache',),
        metavar='DIR',
        is_path=True,
    )
    calibrator: str = _option(
        CALIBRATORS[0],
        f'for a folder of images: {", ".join(CALIBRATORS)}',
        ('--calibrator',),
        choices=CALIBRATORS,
        parameter=False,
        in_key=True,
    )
    obey_precision: bool = _option(
        False,
        'fail if a layer cannot run in the precision',
        ('--obey-precision',),
        parameter=False,
        in_key=True,
    )
    module: str = _option(
        'tensorrt', 'tensorrt or tensorrt_rtx', ('--module',), parameter=False, in_key=True
    )
    compute_capability: str = _option(
        '',
        'build for a GPU of this compute capability, as 8.6, without one (tensorrt_rtx)',
        ('--compute-capability',),
        metavar='M.N',
        parameter=False,
        in_key=True,
    )
    output: str = _option(
        '',
        'file of the engine, instead of one in the cache',
        ('-o', '--output'),
        metavar='ENGINE',
        is_path=True,
        parameter=False,
    )
    timing_cache: str = _option(
        '',
        'file of TensorRT timings, instead of one in the cache',
        ('--timing-cache',),
        metavar='FILE',
        is_path=True,
        parameter=False,
    )

    def __post_init__(self) -> None:
        """Raise UnknownNameError or InvalidValueError for a value that no backend takes."""
        if self.precision == _BEST:
            object.__setattr__(self, 'precision', AUTO)
        for name, item in _declared().items():
            if item.metadata['is_path']:
                object.__setattr__(self, name, expand_path(getattr(self, name)))
            _check(name, getattr(self, name), item)

    @property
    def calibration_path(self) -> Optional[Path]:
        """Return the path of the calibration, None without one."""
        return Path(self.calibration) if self.calibration else None

    @property
    def dla_core(self) -> Optional[int]:
        """Return the number of the DLA core, None for the GPU."""
        return self.dla if self.dla >= 0 else None

    @classmethod
    def from_arguments(cls: Type[OptionsT], arguments: Namespace) -> OptionsT:
        """Return the options of a parsed command line, defaults for what it does not offer."""
        given = vars(arguments)
        return cls(**{name: given[name] for name in _declared() if name in given})


def add_arguments(parser: ArgumentParser, *names: str) -> None:
    """Add options, by the names of their fields, to a command line."""
    for name in names:
        item = _declared()[name]
        described: Dict[str, Any] = {
            'dest': name,
            'default': item.default,
            'help': item.metadata['description'].replace('%', '%%'),
        }
        if isinstance(item.default, bool):
            described['action'] = 'store_true'
        else:
            described['type'] = type(item.default)
            described['metavar'] = item.metadata['metavar'] or None
        parser.add_argument(*item.metadata['flags'], **described)


def to_arguments(options: BackendOptions, *names: str) -> Tuple[str, ...]:
    """Return command-line arguments that `add_arguments` parses to the same options."""
    words: Tuple[str, ...] = ()
    for name in names:
        item, value = _declared()[name], getattr(options, name)
        if value == item.default:
            continue
        flag = item.metadata['flags'][-1]
        words += (flag,) if value is True else (f'{flag}={value}',)
    return words


def _declared() -> 'Dict[str, Field[Any]]':
    return {item.name: item for item in fields(BackendOptions)}


def _check(name: str, value: Any, item: 'Field[Any]') -> None:
    choices, limits = item.metadata['choices'], item.metadata['limits']
    if choices and value not in choices:
        raise UnknownNameError(name, value, choices)
    if limits and not limits[0] <= value <= limits[1]:
        raise InvalidValueError(name, value, f'{limits[0]} to {limits[1]}')
