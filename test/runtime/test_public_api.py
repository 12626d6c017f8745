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

"""The public API: what `import swiftnet_ros` costs and offers, and its examples."""

from pathlib import Path
import re
import subprocess
import sys
from textwrap import dedent
from xml.etree import ElementTree

import cv2
from helpers.checkout import ROOT
import numpy as np
import pytest
import swiftnet_ros
from swiftnet_ros import open_model

EXAMPLE = 'from swiftnet_ros import open_model'


def test_import_is_cheap_and_needs_no_library():
    code = (
        'import sys\n'
        'for name in ("numpy", "cv2", "onnx", "openvino", "rclpy"): sys.modules[name] = None\n'
        'before = set(sys.modules)\n'
        'import swiftnet_ros\n'
        'print(swiftnet_ros.__version__, swiftnet_ros.SwiftnetError.__name__)\n'
        'names = (n.split(".") for n in set(sys.modules) - before)\n'
        'print(*sorted({n[1] for n in names if n[0] == "swiftnet_ros" and len(n) > 1}))\n'
    )
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    version = f'{swiftnet_ros.__version__} SwiftnetError'
    assert done.stdout.splitlines() == [version, 'errors text'], done.stderr


def test_every_public_name_is_there_and_no_other():
    assert set(swiftnet_ros.__all__) <= set(dir(swiftnet_ros))
    for name in swiftnet_ros.__all__:
        assert getattr(swiftnet_ros, name) is not None
    with pytest.raises(AttributeError, match="'swiftnet_ros' has no attribute 'open_modle'"):
        swiftnet_ros.open_modle  # noqa: B018


def test_version_is_that_of_the_package():
    version = ElementTree.parse(ROOT / 'package.xml').findtext('version')
    assert swiftnet_ros.__version__ == version
    command = [sys.executable, 'setup.py', '--version']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == version, done.stderr


def examples():
    """Return the example of each text that shows the API."""
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    blocks = re.findall(r'```python\n(.*?)```', readme, re.DOTALL)
    texts = [next(block for block in blocks if EXAMPLE in block)]
    for text in (swiftnet_ros.__doc__, open_model.__doc__):
        (indent,) = re.findall(rf'^( *){EXAMPLE}$', text, re.M)
        code = re.search(rf'{indent}{EXAMPLE}\n(?:{indent}.*\n|\n)+', text)
        texts.append(dedent(code[0]))
    return texts


@pytest.mark.parametrize('code', examples(), ids=['README', 'package', 'open_model'])
def test_example_runs(code, monkeypatch):
    monkeypatch.chdir(ROOT)
    path = next(Path(ROOT, 'demo', 'images').glob('*.jpg'))
    names = {'rgb': cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)}
    exec(code, names)
    labels = names['result'].labels
    assert labels.shape == names['rgb'].shape[:2] and labels.dtype == np.uint8
    assert len(np.unique(labels)) > 2
