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


"""The node with TensorRT publishes the labels that NumPy computes in FP32."""

from importlib.util import find_spec

from helpers.gpu_networks import agreement, blocks, expected
from helpers.ros_domain import claim_domain
import pytest
from swiftnet_ros.core.labels import Segmentation

NO_RCLPY = 'rclpy is not installed'
if find_spec('rclpy') is None:
    pytest.skip(NO_RCLPY, allow_module_level=True)
claim_domain()

LEAST = {'fp32': 0.999, 'fp16': 0.995, 'int8': 0.98}


@pytest.mark.parametrize('precision', LEAST)
def test_labels_over_topics_equal_fp32(ros, pair, cache, precision):
    from helpers.ros_probe import Probe, rgb_message
    from helpers.running_node import active_node
    from swiftnet_ros import build_engine
    from swiftnet_ros.ros.image_msgs import to_labels

    model = str(pair.with_name('three.onnx'))
    # Before, so that the time limits of the test are not those of a build.
    words = [model, '--precision', precision, '--cache', str(cache)]
    assert build_engine.main(words) == 0
    options = {'engine': 'tensorrt', 'precision': precision, 'engine_cache': str(cache)}
    namespace = f'/gpu_{precision}'
    with active_node(namespace, model=model, **options), Probe() as probe:
        received, camera = probe.stream(namespace)
        for stamp, size in enumerate([(96, 128), (60, 90), (96, 128)], 1):
            frame = blocks(*size, seed=stamp)
            result = probe.send(camera, rgb_message(frame, stamp), received)
            labels = Segmentation(to_labels(result))
            assert agreement(labels, expected(frame)) >= LEAST[precision]
