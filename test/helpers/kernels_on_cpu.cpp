// Copyright 2026 The swiftnet_ros Authors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//     http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

// Run the CUDA kernels on a CPU: the same source, one thread of the grid after another.
//
// Without the C++ standard library, so that any C++ compiler compiles it.

#include <math.h>
#include <string.h>

struct Dim { unsigned x, y; };
static thread_local Dim blockIdx, blockDim, threadIdx;

#define __global__
#include SEGMENTATION_KERNELS

template <unsigned... I> struct Indices {};
template <unsigned N, unsigned... I> struct IndicesTo : IndicesTo<N - 1, N - 1, I...> {};
template <unsigned... I> struct IndicesTo<0, I...> { typedef Indices<I...> type; };

template <typename... Parameters, unsigned... I>
static void run(
    void (*kernel)(Parameters...), const Dim& grid, void** arguments, Indices<I...>) {
  for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x)
      for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
        for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x)
          kernel(*static_cast<Parameters*>(arguments[I])...);
}

template <typename... Parameters>
static void run(void (*kernel)(Parameters...), const Dim& grid, void** arguments) {
  run(kernel, grid, arguments, typename IndicesTo<sizeof...(Parameters)>::type());
}

#define KERNEL(NAME) \
  if (!strcmp(name, #NAME)) return run(NAME, grid, arguments), 0

// Run a kernel and return 0, or 1 if none has that name; `arguments` points to its arguments.
extern "C" int launch(
    const char* name, unsigned grid_x, unsigned grid_y, unsigned block_x, unsigned block_y,
    void** arguments) {
  const Dim grid = {grid_x, grid_y};
  blockDim.x = block_x;
  blockDim.y = block_y;
  KERNEL(resize_frame);
  KERNEL(mark_candidates_f32);
  KERNEL(mark_candidates_f16);
  KERNEL(argmax_labels_f32_u8);
  KERNEL(argmax_labels_f32_u16);
  KERNEL(argmax_labels_f16_u8);
  KERNEL(argmax_labels_f16_u16);
  return 1;
}
