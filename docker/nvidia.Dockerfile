# Copyright 2026 The swiftnet_ros Authors
# SPDX-License-Identifier: Apache-2.0
#
# The node on an x86 machine with an NVIDIA card, ROS 2 Jazzy. Never built: no such machine was
# available. In the checkout, with the NVIDIA container toolkit installed:
#
#   docker build -f docker/nvidia.Dockerfile -t swiftnet_ros .
#   docker run --rm -it --gpus all --network host --ipc host \
#       -v swiftnet_engines:/engines swiftnet_ros image_topic:=/cam/image_raw
#
# For a Jetson Thor with JetPack 7 add to the first command
#   --build-arg BASE=nvcr.io/nvidia/tensorrt:25.08-py3
# and replace --gpus all by --runtime nvidia.
ARG BASE=nvcr.io/nvidia/tensorrt:25.01-py3
FROM ${BASE}

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV DEBIAN_FRONTEND=noninteractive PIP_BREAK_SYSTEM_PACKAGES=1 SWIFTNET_ROS_CACHE=/engines/cache
# From the ROS documentation for Ubuntu 24.04.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl \
    && source=https://github.com/ros-infrastructure/ros-apt-source/releases \
    && version=$(curl -fsSL -o /dev/null -w '%{url_effective}' ${source}/latest | sed 's|.*/||') \
    && curl -fsSL -o /tmp/ros.deb \
        ${source}/download/${version}/ros2-apt-source_${version}.noble_all.deb \
    && apt-get install -y /tmp/ros.deb && apt-get update \
    && apt-get install -y --no-install-recommends python3-colcon-common-extensions \
        ros-jazzy-ros-base ros-jazzy-vision-msgs ros-jazzy-diagnostic-updater \
    && rm -rf /tmp/ros.deb /var/lib/apt/lists/*
# cv_bridge is built with NumPy 1, whatever version of it a newer image pins by PIP_CONSTRAINT.
RUN env -u PIP_CONSTRAINT python3 -m pip install --no-cache-dir \
    'numpy>=1.21,<2' 'onnx>=1.14,<2' 'opencv-python-headless>=4.5.5,<5' 'pycuda>=2022.1' \
    'pillow>=7.0,<14' 'pyyaml>=5.4,<7'
COPY . /ws/src/swiftnet_ros
RUN cd /ws && source /opt/ros/jazzy/setup.bash && colcon build
ENTRYPOINT ["/bin/bash", "-c", \
    "source /ws/install/setup.bash && exec ros2 launch swiftnet_ros segment.launch.py \"$@\"", "--"]
