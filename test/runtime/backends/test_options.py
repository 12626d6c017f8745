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

"""One options type: command lines and ROS parameters are derived from it and round-trip."""

from argparse import ArgumentParser
from dataclasses import fields, replace

import pytest
from swiftnet_ros.backends.options import add_arguments, BackendOptions, to_arguments
from swiftnet_ros.errors import InvalidValueError, UnknownNameError

FLAGGED = [item.name for item in fields(BackendOptions) if item.metadata['flags']]
OTHER = BackendOptions(
    engine='tensorrt',
    precision='int8',
    threads=3,
    calibration='a folder/of images',
    dla=0,
    workspace_mb=64,
    engine_cache='-cache',
    calibrator='minmax',
    obey_precision=True,
    module='tensorrt_rtx',
    compute_capability='8.6',
    output='a.engine',
    timing_cache='a.timings',
)


def parsed(*words):
    """Return the options of a command line."""
    parser = ArgumentParser()
    add_arguments(parser, *FLAGGED)
    return BackendOptions.from_arguments(parser.parse_args(words))


@pytest.mark.parametrize('options', [BackendOptions(), OTHER])
def test_options_round_trip_through_a_command_line(options):
    assert parsed(*to_arguments(options, *FLAGGED)) == options


def test_defaults_need_no_words():
    assert to_arguments(BackendOptions(), *FLAGGED) == ()


def test_only_offered_options_are_read():
    parser = ArgumentParser()
    add_arguments(parser, 'threads')
    assert BackendOptions.from_arguments(parser.parse_args(['--threads', '2'])) == replace(
        BackendOptions(), threads=2
    )


def test_every_option_is_described_and_reachable():
    for item in fields(BackendOptions):
        assert item.metadata['description'], item.name
        assert item.metadata['flags'] or item.metadata['parameter'], item.name


def test_best_is_the_old_name_of_auto():
    assert parsed('--precision', 'best') == BackendOptions()


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        ({'precision': 'fp15'}, UnknownNameError),
        ({'calibrator': 'max'}, UnknownNameError),
        ({'threads': 257}, InvalidValueError),
        ({'dla': -2}, InvalidValueError),
        ({'workspace_mb': -1}, InvalidValueError),
        ({'self_check_min_agreement': 1.5}, InvalidValueError),
    ],
    ids=str,
)
def test_invalid_value_raises(change, error):
    with pytest.raises(error, match=next(iter(change))):
        BackendOptions(**change)


def test_absent_paths_and_cores_are_none():
    assert (BackendOptions().calibration_path, BackendOptions().dla_core) == (None, None)
    assert (str(OTHER.calibration_path), OTHER.dla_core) == ('a folder/of images', 0)
