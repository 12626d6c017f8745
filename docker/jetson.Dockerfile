# Copyright 2026 The swiftnet_ros Authors
# SPDX-License-Identifier: Apache-2.0
#
# The node on a Jetson. Never built: no Jetson was available. On the board, in the checkout:
#
#   docker build -f docker/jetson.Dockerfile -t swiftnet_ros .
#   docker run --rm -it --runtime nvidia --network host --ipc host \
#       -v swiftnet_engines:/engines swiftnet_ros image_topic:=/cam/image_raw
#
# AGX Xavier, JetPack 5.1; for an Orin with JetPack 6 add to the first command
#   --build-arg BASE=dustynv/ros:humble-ros-base-l4t-r36.3.0
ARG BASE=dustynv/ros:humble-ros-base-l4t-r35.4.1
FROM ${BASE}

SHELL ["/bin/bash", "-c"]
# The image of JetPack 5 selects Cyclone DDS; the node is tested with Fast DDS, Humble's default.
ENV PATH=/usr/local/cuda/bin:${PATH} SWIFTNET_ROS_CACHE=/engines/cache \
    RMW_IMPLEMENTATION=rmw_fastrtps_cpp
# Neither image has onnx or PyCUDA; OpenCV is 4.5.0 in that of JetPack 5. That of JetPack 6 sets a
# package index of its own, which may no longer exist. cv_bridge was built with NumPy 1.
RUN env -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL python3 -m pip install --no-cache-dir \
    'numpy>=1.21,<2' 'onnx>=1.14,<2' 'opencv-python-headless>=4.5.5,<5' 'pycuda>=2022.1' \
    'pillow>=7.0,<14' 'pyyaml>=5.4,<7'
COPY . /ws/src/swiftnet_ros
# ROS 2 of these images was built from source, in install/; colcon is one of its build tools.
RUN cd /ws && source /opt/ros/humble/install/setup.bash && colcon build
ENTRYPOINT ["/bin/bash", "-c", \
    "source /ws/install/setup.bash && exec ros2 launch swiftnet_ros segment.launch.py \"$@\"", "--"]
