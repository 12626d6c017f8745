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

// Camera frame to network input, and logits to labels: core/frames.py and core/labels.py on a GPU.
//
// Plain CUDA C++ without headers, shared memory or warp functions, so that the tests can compile
// the same source for a CPU and run one thread after another. Compile it without fused
// multiply-add (--fmad=false), so that GPU and CPU compute the same bits.

#ifdef __CUDACC_RTC__
#define INLINE static __device__ __forceinline__
#define LOWEST_BIT(word) (__ffs(word) - 1)
#else
#define INLINE static inline
#define LOWEST_BIT(word) __builtin_ctz(word)
#endif

typedef unsigned char Pixel;
// An FP16 number as its bits: cuda_fp16.h does not come with every NVRTC.
struct Half { unsigned short bits; };

// The source position of a target pixel on one axis: `first` plus `fraction`, between the source
// pixels `first` and `first + 1`. Either may be one pixel outside, which means the edge pixel.
struct Tap { int first; float fraction; };

INLINE int at_least_0(int value) { return value < 0 ? 0 : value; }
INLINE int at_most(int value, int limit) { return value > limit ? limit : value; }

// ---------------------------------------------------------------------------------------------
// Frame to network input

// OpenCV's uint8 bilinear interpolation to the bit: weights of 11 bits, rounded for each axis; 4
// bits are dropped between the axes, 16 after the second one, and 2 at the end with rounding.
INLINE int weight_of(float fraction) { return (int)rintf(fraction * 2048.0f); }

INLINE Pixel blend(int upper, int lower, int upper_weight, int lower_weight) {
  const int above = (upper_weight * (upper >> 4)) >> 16;
  const int below = (lower_weight * (lower >> 4)) >> 16;
  return (Pixel)((above + below + 2) >> 2);
}

// One thread per pixel of the network input, so that a warp loads and stores adjacent pixels.
// `pitch` is the bytes from row to row; red, green and blue are channel offsets in a pixel.
extern "C" __global__ void resize_frame(
    const Pixel* __restrict__ frame, int pitch, int frame_height, int frame_width, int channels,
    int red, int green, int blue, const Tap* __restrict__ row_taps,
    const Tap* __restrict__ column_taps, int height, int width, Pixel* __restrict__ image) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const Tap row = row_taps[y], column = column_taps[x];
  const int left = at_least_0(column.first) * channels;
  const int right = at_most(column.first + 1, frame_width - 1) * channels;
  const Pixel* upper = frame + (long long)at_least_0(row.first) * pitch;
  const Pixel* lower = frame + (long long)at_most(row.first + 1, frame_height - 1) * pitch;
  const int left_weight = weight_of(1.0f - column.fraction);
  const int right_weight = weight_of(column.fraction);
  const int upper_weight = weight_of(1.0f - row.fraction);
  const int lower_weight = weight_of(row.fraction);
  const int offsets[3] = {red, green, blue};
  Pixel* target = image + 3LL * ((long long)y * width + x);
  for (int i = 0; i < 3; ++i) {
    const int offset = offsets[i];
    const int above = upper[left + offset] * left_weight + upper[right + offset] * right_weight;
    const int below = lower[left + offset] * left_weight + lower[right + offset] * right_weight;
    target[i] = blend(above, below, upper_weight, lower_weight);
  }
}

// ---------------------------------------------------------------------------------------------
// Logits to labels
//
// Four neighboring logits are the corners of a cell. Inside it, an interpolated logit is between
// the smallest and the largest corner, so a class whose largest corner is below the smallest
// corner of another class is the argmax nowhere in the cell. `mark_candidates` finds the few
// remaining classes once per cell; `argmax_labels` interpolates only those at each pixel.
// Cell (i, j) is between the logits' rows i - 1 and i and columns j - 1 and j; there are
// (height + 1) x (width + 1) cells.

typedef unsigned int Word;
#define LOWEST -3.402823466e+38f

INLINE float value_of(float logit) { return logit; }

// Exact for every finite FP16 number, subnormal or not; infinity becomes 65536, above all others.
INLINE float value_of(Half logit) {
  union { unsigned int bits; float value; } number;
  number.bits = (logit.bits & 0x7fffu) << 13;
  const float magnitude = number.value * 5.192296858534828e+33f;  // 2 to the 112th
  return logit.bits & 0x8000u ? -magnitude : magnitude;
}

struct Cell { int left, right, upper, lower; };  // offsets of the corners in a class's plane

INLINE Cell cell_at(int i, int j, int height, int width) {
  Cell cell;
  cell.left = at_least_0(j - 1);
  cell.right = at_most(j, width - 1);
  cell.upper = at_least_0(i - 1) * width;
  cell.lower = at_most(i, height - 1) * width;
  return cell;
}

// One thread per cell. A class within `margin` of the best is a candidate: 0 for labels alone.
template <typename Logit>
INLINE void mark(
    const Logit* __restrict__ logits, int classes, int height, int width, float margin,
    Word* __restrict__ candidates) {
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  const int i = blockIdx.y * blockDim.y + threadIdx.y;
  if (j > width || i > height) return;
  const Cell cell = cell_at(i, j, height, width);
  const int a = cell.upper + cell.left, b = cell.upper + cell.right;
  const int c = cell.lower + cell.left, d = cell.lower + cell.right;
  const long long plane = (long long)height * width;
  float guaranteed = LOWEST;  // some class has this logit or more everywhere in the cell
#pragma unroll 8  // loads in flight
  for (int id = 0; id < classes; ++id) {
    const Logit* at = logits + id * plane;
    const float above = fminf(value_of(at[a]), value_of(at[b]));
    guaranteed = fmaxf(guaranteed, fminf(above, fminf(value_of(at[c]), value_of(at[d]))));
  }
  const int cells = (height + 1) * (width + 1), words = (classes + 31) / 32;
  Word* target = candidates + i * (width + 1) + j;
  for (int word = 0; word < words; ++word) {
    Word marks = 0;
    const int ids = at_most(classes - 32 * word, 32);
#pragma unroll 8
    for (int bit = 0; bit < ids; ++bit) {
      const Logit* at = logits + (32 * word + bit) * plane;
      const float above = fmaxf(value_of(at[a]), value_of(at[b]));
      const float most = fmaxf(above, fmaxf(value_of(at[c]), value_of(at[d])));
      // Four times the rounding error of either side; a NaN excludes nothing.
      const float bound = guaranteed - margin - 1e-6f * (fabsf(guaranteed) + fabsf(most));
      if (!(most < bound)) marks |= 1u << bit;
    }
    target[(long long)word * cells] = marks;
  }
}

// Pixels of one column that a thread computes at a time: they share the loads and the horizontal
// interpolation.
#define STRIP 8

INLINE Pixel confidence_of(float total) {
  return (Pixel)rintf(fminf(fmaxf(255.0f / total, 0.0f), 255.0f));
}

template <typename Logit, typename Label, bool CONFIDENT>
INLINE void argmax_strip(
    const Logit* __restrict__ logits, int classes, const Cell& cell, long long plane,
    float fraction, const Word* __restrict__ marks, long long cells, const Tap* __restrict__ taps,
    int rows, Label* __restrict__ labels, Pixel* __restrict__ confidence, int pitch) {
  float best[STRIP], total[STRIP], fractions[STRIP];
  int label[STRIP];
#pragma unroll
  for (int k = 0; k < STRIP; ++k) {
    best[k] = LOWEST;
    total[k] = 0.0f;
    label[k] = 0;
    fractions[k] = k < rows ? taps[k].fraction : 0.0f;
  }
  const float left_weight = 1.0f - fraction;
  for (int first = 0; first < classes; first += 32, marks += cells) {
    // In ascending order of ids, so that of equal logits the lowest id wins.
    for (Word remaining = *marks; remaining; remaining &= remaining - 1) {
      const int id = first + LOWEST_BIT(remaining);
      const Logit* upper = logits + id * plane + cell.upper;
      const Logit* lower = logits + id * plane + cell.lower;
      const float above =
          value_of(upper[cell.left]) * left_weight + value_of(upper[cell.right]) * fraction;
      const float below =
          value_of(lower[cell.left]) * left_weight + value_of(lower[cell.right]) * fraction;
#pragma unroll
      for (int k = 0; k < STRIP; ++k) {
        const float logit = above * (1.0f - fractions[k]) + below * fractions[k];
        const bool better = logit > best[k];
        if (CONFIDENT) {
          // The running sum of exp(logit - best), rescaled whenever a better class is found.
          const float smaller = expf(better ? best[k] - logit : logit - best[k]);
          total[k] = better ? total[k] * smaller + 1.0f : total[k] + smaller;
        }
        best[k] = better ? logit : best[k];
        label[k] = better ? id : label[k];
      }
    }
  }
#pragma unroll
  for (int k = 0; k < STRIP; ++k) {
    if (k < rows) {
      labels[(long long)k * pitch] = (Label)label[k];
      if (CONFIDENT) confidence[(long long)k * pitch] = confidence_of(total[k]);
    }
  }
}

// One thread per output column and row of cells; `starts` [height + 2] is the first output row of
// each row of cells. `confidence` may be null.
template <typename Logit, typename Label>
INLINE void argmax(
    const Logit* __restrict__ logits, int classes, int height, int width,
    const Word* __restrict__ candidates, const Tap* __restrict__ row_taps,
    const int* __restrict__ starts, const Tap* __restrict__ column_taps, int columns,
    Label* __restrict__ labels, Pixel* __restrict__ confidence) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int i = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= columns || i > height) return;
  const Tap column = column_taps[x];
  const int j = column.first + 1, end = starts[i + 1];
  const Cell cell = cell_at(i, j, height, width);
  const Word* marks = candidates + i * (width + 1) + j;
  const long long plane = (long long)height * width, cells = (height + 1LL) * (width + 1);
  for (int y = starts[i]; y < end; y += STRIP) {
    const int rows = at_most(end - y, STRIP);
    const long long offset = (long long)y * columns + x;
    if (confidence) {
      argmax_strip<Logit, Label, true>(
          logits, classes, cell, plane, column.fraction, marks, cells, row_taps + y, rows,
          labels + offset, confidence + offset, columns);
    } else {
      argmax_strip<Logit, Label, false>(
          logits, classes, cell, plane, column.fraction, marks, cells, row_taps + y, rows,
          labels + offset, confidence, columns);
    }
  }
}

#define MARK_CANDIDATES(NAME, LOGIT)                                                            \
  extern "C" __global__ void NAME(                                                              \
      const LOGIT* __restrict__ logits, int classes, int height, int width, float margin,       \
      Word* __restrict__ candidates) {                                                          \
    mark<LOGIT>(logits, classes, height, width, margin, candidates);                            \
  }

#define ARGMAX_LABELS(NAME, LOGIT, LABEL)                                                       \
  extern "C" __global__ void NAME(                                                              \
      const LOGIT* __restrict__ logits, int classes, int height, int width,                     \
      const Word* __restrict__ candidates, const Tap* __restrict__ row_taps,                    \
      const int* __restrict__ starts, const Tap* __restrict__ column_taps, int columns,         \
      LABEL* __restrict__ labels, Pixel* __restrict__ confidence) {                             \
    argmax<LOGIT, LABEL>(                                                                       \
        logits, classes, height, width, candidates, row_taps, starts, column_taps, columns,     \
        labels, confidence);                                                                    \
  }

MARK_CANDIDATES(mark_candidates_f32, float)
MARK_CANDIDATES(mark_candidates_f16, Half)
ARGMAX_LABELS(argmax_labels_f32_u8, float, unsigned char)
ARGMAX_LABELS(argmax_labels_f32_u16, float, unsigned short)
ARGMAX_LABELS(argmax_labels_f16_u8, Half, unsigned char)
ARGMAX_LABELS(argmax_labels_f16_u16, Half, unsigned short)
