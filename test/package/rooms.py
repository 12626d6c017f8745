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
The rooms of both trees in order: each may import only rooms above it.

A room is a module, or by `*` the modules of a folder, which may import each other. A new file
outside these folders needs its line here.
"""

from fnmatch import fnmatchcase

# The runtime without ROS; training may use all of it.
PURE_ROOMS = (
    'swiftnet_ros',
    'swiftnet_ros.errors',
    'swiftnet_ros.system.process',
    'swiftnet_ros.system.paths',
    'swiftnet_ros.system.paths',
    'swiftnet_ros.system.process',
    'swiftnet_ros.model_spec*',
    'swiftnet_ros.model_spec.qdq*',
    'swiftnet_ros.core.frames',
    'swiftnet_ros.core.upsampled_argmax',
    'swiftnet_ros.core.labels',
    'swiftnet_ros.core.metrics',
    'swiftnet_ros.model_spec.find_model',
    'swiftnet_ros.core.image_files',
    'swiftnet_ros.backends.tensorrt*',
    'swiftnet_ros.backends.tensorrt.engine_file',
    'swiftnet_ros.backends.tensorrt.engine_cache',
    'swiftnet_ros.build_engine',
    'swiftnet_ros.backends.registry',
    'swiftnet_ros.backends',
    'swiftnet_ros.backends.base',
    'swiftnet_ros.engines.*',
    'swiftnet_ros.backends.registry',
    'swiftnet_ros.segmenter',
    'swiftnet_ros.serving.model_loader',
    'swiftnet_ros.serving.worker',
    'swiftnet_ros.serving.camera_names',
    'swiftnet_ros.serving.camera_names',
    'swiftnet_ros.core.frames',
    'swiftnet_ros.ros.compressed_image_msgs',
    'swiftnet_ros.serving.timing',
    'swiftnet_ros.serving.engine_build',
    'swiftnet_ros.serving.engine_build',
    'swiftnet_ros.backends.tensorrt.build_worker',
    'swiftnet_ros.backends.tensorrt.build_subprocess',
    'swiftnet_ros.system.files',
    'swiftnet_ros.serving.engine_build',
    'swiftnet_ros.serving.model_loader',
    'swiftnet_ros.serving.worker',
    'swiftnet_ros.serving.health',
    'swiftnet_ros.serving.health',
    'swiftnet_ros.core.image_files',
    'swiftnet_ros.benchmark.runs',
    'swiftnet_ros.benchmark.report',
    'swiftnet_ros.device_report.table',
    'swiftnet_ros.device_report.runs',
    'swiftnet_ros.device_report',
    'swiftnet_ros.ros.fastdds',
)

ROS_ROOMS = (
    'swiftnet_ros.ros.image_msgs',
    'swiftnet_ros.ros.compressed_image_msgs',
    'swiftnet_ros.ros.info_msgs',
    'swiftnet_ros.ros.info_msgs',
    'swiftnet_ros.ros.parameters',
    'swiftnet_ros.ros.node_parameters',
    'swiftnet_ros.ros.topics',
    'swiftnet_ros.ros.camera_outputs',
    'swiftnet_ros.ros.camera_outputs',
    'swiftnet_ros.ros.camera_outputs',
    'swiftnet_ros.serving.camera_stats',
    'swiftnet_ros.ros.camera',
    'swiftnet_ros.ros.pipeline',
    'swiftnet_ros.ros.lifecycle_node',
    'swiftnet_ros.ros.diagnostics',
    'swiftnet_ros.ros.spin',
    'swiftnet_ros.segmentation_node',
    'swiftnet_ros.image_publisher',
    'swiftnet_ros.entry_points',
    'swiftnet_ros.benchmark.node_process',
    'swiftnet_ros.benchmark.topic_client',
    'swiftnet_ros.benchmark.over_topics',
    'swiftnet_ros.benchmark.over_topics',
    'swiftnet_ros.benchmark',
    'swiftnet_ros.demo',
    'swiftnet_ros.demo',
)

TRAINING_ROOMS = (
    'training',
    'training.schema.from_yaml',
    'training.schema.rules',
    'training.schema.config',
    'training.run.folder',
    'training.run.folder',
    'training.run.folder',
    'training.datasets.class_table',
    'training.datasets.base',
    'training.warehouse_renderer*',
    'training.datasets.*',
    'training.datasets',
    'training.datasets.class_statistics',
    'training.datasets.class_statistics',
    'training.datasets.loader',
    'training.datasets.transforms.corruptions',
    'training.datasets.transforms.color_jitter',
    'training.datasets.transforms.augmentation',
    'training.datasets.loader',
    'training.trainer.memory_format',
    'training.datasets.gpu_loader',
    'training.trainer.cuda_graphs',
    'training.models.layers',
    'training.models.encoders*',
    'training.models.*',
    'training.models',
    'training.pruning*',
    'training.run.checkpoint',
    'training.trainer.losses',
    'training.trainer.losses',
    'training.trainer.distillation',
    'training.trainer.optimizers',
    'training.trainer.state',
    'training.trainer.distributed',
    'training.evaluation.complexity',
    'training.datasets.transforms.corruptions',
    'training.evaluation.evaluate',
    'training.evaluation.visualize',
    'training.trainer.callbacks',
    'training.trainer.initial_weights',
    'training.trainer.initial_weights',
    'training.trainer.train',
    'training.export',
    'training.quantization*',
    'training.profiling*',
    'training.experiments.removal',
    'training.experiments.weight_init',
    'training.experiments.variant',
    'training.experiments.experiment',
    'training.experiments.experiment',
    'training.experiments.task',
    'training.lottery.*',
    'training.experiments',
    'training.report.runs',
    'training.report.plots',
    'training.report.table',
    'training.report.reference_table',
    'training.report.table',
    'training.report.evaluation_tables',
    'training.report.evaluation_tables',
    'training.report.plots',
    'training.report.*',
    'training.report',
    'training.run.weight_average',
    'training.commands',
    'training.commands.arguments',
    'training.commands.*',
    'training.__main__',
)

RUNTIME_TABLE = PURE_ROOMS + ROS_ROOMS
TRAINING_TABLE = PURE_ROOMS + TRAINING_ROOMS

# What comes from elsewhere, by who may import it.
PURE_LIBRARIES = {'cv2', 'google', 'numpy', 'onnx', 'yaml'}
ENGINE_LIBRARIES = {
    'swiftnet_ros.backends.openvino.engine': {'openvino'},
    # The latter for the type checker alone.
    'swiftnet_ros.backends.tensorrt.calibration': {'pycuda'},
    'swiftnet_ros.backends.tensorrt.api': {'tensorrt'},
    'swiftnet_ros.backends.cuda.device': {'pycuda'},
    'swiftnet_ros.backends.cuda.device': {'pycuda'},
}
ROS_LIBRARIES = {
    'cv_bridge',
    'diagnostic_msgs',
    'diagnostic_updater',
    'launch',
    'launch_ros',
    'lifecycle_msgs',
    'rcl_interfaces',
    'rclpy',
    'sensor_msgs',
    'std_msgs',
    'std_srvs',
    'vision_msgs',
}


def room_of(module: str) -> str | None:
    """Give the room of a module: the one of its very name, else the longest that matches."""
    everywhere = RUNTIME_TABLE + TRAINING_ROOMS
    if module in everywhere:
        return module
    fitting = [room for room in everywhere if fnmatchcase(module, room)]
    return max(fitting, key=len, default=None)
