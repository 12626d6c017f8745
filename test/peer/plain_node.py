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
A segmentation node as it is written with rclpy, OpenCV, NumPy and ONNX Runtime, to compare with.

    python test/peer/plain_node.py --ros-args -p model:=FILE.onnx -p threads:=2

One callback does everything. Labels are computed at the resolution of the logits and repeated to
the size of the camera, which costs less than interpolating logits. Without a model it publishes
zeros: what remains is the cost of ROS.
"""

from array import array
import sys

import cv2
import numpy as np
import onnxruntime
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image


class PlainNode(Node):
    """Subscribes to `image` with depth 1 and publishes `~/label_image`."""

    def __init__(self):
        """Open the network and the topics."""
        super().__init__('segmentation')
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.declare_parameter('threads', 0).value
        model = self.declare_parameter('model', '').value
        self._network = None
        if model:
            providers = ['CPUExecutionProvider']
            self._network = onnxruntime.InferenceSession(model, options, providers)
            _, self._height, self._width, _ = self._network.get_inputs()[0].shape
        newest = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._labels = self.create_publisher(Image, '~/label_image', 1)
        self.create_subscription(Image, 'image', self._segment, newest)

    def _segment(self, message):
        if self._network is None:
            self._publish(message, np.zeros((message.height, message.width), np.uint8))
            return
        pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if message.encoding == 'bgr8' else pixels
        resized = cv2.resize(rgb, (self._width, self._height))
        logits = self._network.run(None, {'image': resized[np.newaxis]})[0]
        labels = np.argmax(logits[0], axis=0).astype(np.uint8)
        size = (message.width, message.height)
        self._publish(message, cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST))

    def _publish(self, message, labels):
        result = Image(header=message.header, encoding='mono8', is_bigendian=0)
        result.height, result.width = labels.shape
        result.step = result.width
        result.data = array('B', labels.tobytes())
        self._labels.publish(result)


def main():
    """Run the node until it is interrupted."""
    rclpy.init()
    try:
        rclpy.spin(PlainNode())
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    return 0


if __name__ == '__main__':
    sys.exit(main())
