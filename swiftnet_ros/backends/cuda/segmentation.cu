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

// Camera frame to network input, and logits to labels: the GPU's half of frames.py and labels.py.
//
// Plain CUDA C++ without headers, shared memory or warp functions, so that the very same source
// also runs on a CPU, one thread after the other: the tests do that. Compile it without fused
// multiply-add (--fmad=false): then both compute the same bits.

#ifdef __CUDACC_RTC__
#define INLINE static __device__ __forceinline__
#define LOWEST_BIT(word) (__ffs(word) - 1)
#else
#define INLINE static inline
#define LOWEST_BIT(word) __builtin_ctz(word)
#endif

typedef unsigned char Pixel;
// The bits of a half: cuda_fp16.h is not everywhere where NVRTC is.
struct Half { unsigned short bits; };

// Where on one axis a target pixel lies: between the source pixels `first` and `first + 1`,
// `part` of the way. Both may lie one pixel outside, which stands for the edge.
struct Tap { int first; float part; };

INLINE int at_least_0(int value) { return value < 0 ? 0 : value; }
INLINE int at_most(int value, int limit) { return value > limit ? limit : value; }

// ---------------------------------------------------------------------------------------------
// Frame to network input

// OpenCV's uint8 bilinear interpolation to the bit: weights of 11 bits, which each axis rounds on
// its own; 4 bits are dropped between the axes, 16 after the second one, 2 at the end, rounded.
INLINE int weight_of(float part) { return (int)rintf(part * 2048.0f); }

INLINE Pixel blend(int upper, int lower, int upper_weight, int lower_weight) {
  const int above = (upper_weight * (upper >> 4)) >> 16;
  const int below = (lower_weight * (lower >> 4)) >> 16;
  return (Pixel)((above + below + 2) >> 2);
}

// One thread per pixel of the input, so that the loads and stores of a warp lie side by side.
// `pitch` is bytes from row to row; red, green and blue are the channels' places in a pixel.
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
  const int left_weight = weight_of(1.0f - column.part), right_weight = weight_of(column.part);
  const int upper_weight = weight_of(1.0f - row.part), lower_weight = weight_of(row.part);
  const int places[3] = {red, green, blue};
  Pixel* target = image + 3LL * ((long long)y * width + x);
  for (int i = 0; i < 3; ++i) {
    const int place = places[i];
    const int above = upper[left + place] * left_weight + upper[right + place] * right_weight;
    const int below = lower[left + place] * left_weight + lower[right + place] * right_weight;
    target[i] = blend(above, below, upper_weight, lower_weight);
  }
}

// ---------------------------------------------------------------------------------------------
// Logits to labels
//
// Four neighbouring logits span a cell. Inside it an interpolated logit lies between the smallest
// and the largest of its corners, so a class whose largest corner is below the smallest corner of
// another class wins nowhere in the cell. `mark_candidates` finds, once per cell, the few classes
// that are left; `take_labels` interpolates only those, at each pixel. Cell (i, j) lies between
// the logits' rows i - 1 and i and columns j - 1 and j: height + 1 by width + 1 cells.

typedef unsigned int Word;
#define LOWEST -3.402823466e+38f

INLINE float value_of(float logit) { return logit; }

// Exact for every finite half, subnormal or not; infinity becomes 65536, above all others.
INLINE float value_of(Half logit) {
  union { unsigned int bits; float value; } number;
  number.bits = (logit.bits & 0x7fffu) << 13;
  const float magnitude = number.value * 5.192296858534828e+33f;  // 2 to the 112th
  return logit.bits & 0x8000u ? -magnitude : magnitude;
}

struct Cell { int left, right, upper, lower; };  // the offsets of its corners in a class's plane

INLINE Cell cell_at(int i, int j, int height, int width) {
  Cell cell;
  cell.left = at_least_0(j - 1);
  cell.right = at_most(j, width - 1);
  cell.upper = at_least_0(i - 1) * width;
  cell.lower = at_most(i, height - 1) * width;
  return cell;
}

// One thread per cell. `range` is how far below the best a class still counts: 0 for labels alone.
template <typename Logit>
INLINE void mark(
    const Logit* __restrict__ logits, int classes, int height, int width, float range,
    Word* __restrict__ candidates) {
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  const int i = blockIdx.y * blockDim.y + threadIdx.y;
  if (j > width || i > height) return;
  const Cell cell = cell_at(i, j, height, width);
  const int a = cell.upper + cell.left, b = cell.upper + cell.right;
  const int c = cell.lower + cell.left, d = cell.lower + cell.right;
  const long long plane = (long long)height * width;
  float reached = LOWEST;  // by some class, everywhere in the cell
#pragma unroll 8  // as many loads are on their way at a time
  for (int id = 0; id < classes; ++id) {
    const Logit* at = logits + id * plane;
    const float above = fminf(value_of(at[a]), value_of(at[b]));
    reached = fmaxf(reached, fminf(above, fminf(value_of(at[c]), value_of(at[d]))));
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
      // Four times what rounding can add to either side; a NaN excludes nothing.
      const float bound = reached - range - 1e-6f * (fabsf(reached) + fabsf(most));
      if (!(most < bound)) marks |= 1u << bit;
    }
    target[(long long)word * cells] = marks;
  }
}

// What one thread works on at a time: so many pixels below each other share what was
// interpolated along the row, and the loads.
#define STRIP 8

INLINE Pixel confidence_of(float total) {
  return (Pixel)rintf(fminf(fmaxf(255.0f / total, 0.0f), 255.0f));
}

template <typename Logit, typename Label, bool CONFIDENT>
INLINE void take_strip(
    const Logit* __restrict__ logits, int classes, const Cell& cell, long long plane, float part,
    const Word* __restrict__ marks, long long cells, const Tap* __restrict__ taps, int rows,
    Label* __restrict__ labels, Pixel* __restrict__ confidence, int pitch) {
  float best[STRIP], total[STRIP], parts[STRIP];
  int label[STRIP];
#pragma unroll
  for (int k = 0; k < STRIP; ++k) {
    best[k] = LOWEST;
    total[k] = 0.0f;
    label[k] = 0;
    parts[k] = k < rows ? taps[k].part : 0.0f;
  }
  const float left_part = 1.0f - part;
  for (int first = 0; first < classes; first += 32, marks += cells) {
    // From the lowest id up, and only a larger logit wins: the first of equal ones stays.
    for (Word left = *marks; left; left &= left - 1) {
      const int id = first + LOWEST_BIT(left);
      const Logit* upper = logits + id * plane + cell.upper;
      const Logit* lower = logits + id * plane + cell.lower;
      const float above =
          value_of(upper[cell.left]) * left_part + value_of(upper[cell.right]) * part;
      const float below =
          value_of(lower[cell.left]) * left_part + value_of(lower[cell.right]) * part;
#pragma unroll
      for (int k = 0; k < STRIP; ++k) {
        const float logit = above * (1.0f - parts[k]) + below * parts[k];
        const bool better = logit > best[k];
        if (CONFIDENT) {
          // The sum of exp(logit - best) so far; its terms shrink when a better one comes.
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

// One thread per column of the output and row of cells; `starts` [height + 2] has the first row of
// the output in each row of cells. Without `confidence` it is 0.
template <typename Logit, typename Label>
INLINE void take(
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
    const long long place = (long long)y * columns + x;
    if (confidence) {
      take_strip<Logit, Label, true>(
          logits, classes, cell, plane, column.part, marks, cells, row_taps + y, rows,
          labels + place, confidence + place, columns);
    } else {
      take_strip<Logit, Label, false>(
          logits, classes, cell, plane, column.part, marks, cells, row_taps + y, rows,
          labels + place, confidence, columns);
    }
  }
}

#define MARK_CANDIDATES(NAME, LOGIT)                                                            \
  extern "C" __global__ void NAME(                                                              \
      const LOGIT* __restrict__ logits, int classes, int height, int width, float range,        \
      Word* __restrict__ candidates) {                                                          \
    mark<LOGIT>(logits, classes, height, width, range, candidates);                             \
  }

#define TAKE_LABELS(NAME, LOGIT, LABEL)                                                         \
  extern "C" __global__ void NAME(                                                              \
      const LOGIT* __restrict__ logits, int classes, int height, int width,                     \
      const Word* __restrict__ candidates, const Tap* __restrict__ row_taps,                    \
      const int* __restrict__ starts, const Tap* __restrict__ column_taps, int columns,         \
      LABEL* __restrict__ labels, Pixel* __restrict__ confidence) {                             \
    take<LOGIT, LABEL>(                                                                         \
        logits, classes, height, width, candidates, row_taps, starts, column_taps, columns,     \
        labels, confidence);                                                                    \
  }

MARK_CANDIDATES(mark_candidates_f32, float)
MARK_CANDIDATES(mark_candidates_f16, Half)
TAKE_LABELS(take_labels_f32_u8, float, unsigned char)
TAKE_LABELS(take_labels_f32_u16, float, unsigned short)
TAKE_LABELS(take_labels_f16_u8, Half, unsigned char)
TAKE_LABELS(take_labels_f16_u16, Half, unsigned short)
