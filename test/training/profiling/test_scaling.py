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


"""Cost against input size, the CPU's peak, and the plots of a profiling result."""

import cv2
import numpy as np
import pytest
from training.profiling.cpu_peak import BEST_OF, CpuPeak
from training.profiling.plots import write_plots
from training.profiling.report import TABLES
from training.profiling.scaling import fit_costs, fit_line, size_series


def sized(height: int, width: int, engine: float, precision: str = 'int8') -> dict:
    """Return a case of a network of a given size."""
    spent = {'median': 1.1 * engine + 1, 'p95': 2 * engine}
    return {
        'model': 'all',
        'height': height,
        'width': width,
        'precision': precision,
        'used_precision': precision,
        'conv_gmacs_per_second': 240.0,
        'peak_mb': 100 + 80 * height * width / 1e6,
        'engine_ms': {'median': engine, 'p95': engine, 'best': engine},
        'pipelines': [{'camera': [height, width], 'pipeline_ms': spent, 'over_engine': 1.12}],
        'turns': [
            {'cameras': count, 'turn_ms': {'median': count * engine, 'p95': 0.0}, 'peak_mb': 90.0}
            for count in (1, 2)
        ],
    }


@pytest.fixture
def result() -> dict:
    """Return a result of four sizes with an engine latency of 2 ms and 80 ms per megapixel."""
    sizes = [(256, 512), (512, 1024), (768, 1536), (1024, 2048)]
    cases = [sized(h, w, 2 + 80 * h * w / 1e6) for h, w in sizes]
    ceilings = [{'precision': 'int8', 'side': 4096, 'gmacs_per_second': 400.0}]
    return {'cases': cases, 'ceilings': ceilings}


def test_fit_recovers_a_line_and_reports_the_largest_deviation():
    exact = fit_line([0.1, 0.5, 2.0], [10.0, 18.0, 48.0])
    assert (exact.base, exact.slope) == pytest.approx((8.0, 20.0))
    assert exact.deviation == pytest.approx(0.0, abs=1e-9)
    off = fit_line([0.1, 0.5, 1.0, 2.0], [10.0, 18.0, 28.0 * 1.2, 48.0])
    assert 0.05 < off.deviation < 0.2


def test_only_networks_of_three_sizes_or_more_have_a_line(result):
    assert [len(cases) for cases in size_series(result)] == [4]
    assert not list(size_series({'cases': result['cases'][:2]}))
    (cases,) = size_series(result)
    assert fit_costs(cases)['engine'].slope == pytest.approx(80.0)
    assert fit_costs(cases)['memory'].base == pytest.approx(100.0)
    cases[0]['peak_mb'] = None
    assert 'memory' not in fit_costs(cases)


def test_tables_of_sizes_and_cameras_have_the_measured_values(result):
    text = TABLES['scaling'](result)
    assert '| all int8 | 1024x512 | 0.52 | 43.9 | 43.9 | 0.0 % |' in text
    assert '| all int8 | engine, ms | 2.00 | 80.0 | 0.0 % |' in TABLES['slopes'](result)
    assert '| all int8 | 512x256 | 2 | 25.0 | 0.00 | 12.5 | 90.0 |' in TABLES['turns'](result)
    assert '| all | 512x256 | int8 | 12.5 | 240 | 400 | 60 % |' in TABLES['ceilings'](result)
    assert '| all | 2048x1024 | int8 | 170 | 5.9 | 188 |' in TABLES['short'](result)


def test_plots_are_drawn_of_measured_costs_and_reproducible(result, tmp_path):
    first = write_plots(result, tmp_path / 'one')
    assert [path.name for path in first] == ['sizes.png', 'cameras.png']
    assert all(np.ptp(cv2.imread(str(path))) > 100 for path in first)
    second = write_plots(result, tmp_path / 'two')
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    bars = {'cases': [{**case, 'turns': []} for case in result['cases'][:2]]}
    assert [path.name for path in write_plots(bars, tmp_path)] == ['speed.png']


@pytest.mark.parametrize('precision', ['fp32', 'int8'])
def test_cpu_peak_is_the_best_of_five(precision):
    peak = CpuPeak(precision, 1, side=256)
    for _ in range(BEST_OF + 3):
        peak.measure()
    facts = peak.facts()
    assert len(facts['rounds']) == BEST_OF
    assert facts['best_ms'] == pytest.approx(min(facts['rounds']), abs=1e-3)
    assert facts['gmacs_per_second'] == pytest.approx(0.256**3 * 1000 / facts['best_ms'])


def test_int8_product_of_the_cpu_peak_is_correct():
    peak = CpuPeak('int8', 1, side=256)
    weights = np.random.default_rng(0).integers(-63, 64, (256, 256), np.int8)
    product = peak._factor.astype(int) @ weights.T.astype(int) / 127**2
    peak.measure()
    found = peak._request.get_output_tensor(0).data
    assert np.abs(found - np.clip(product * 127 / 256, -128, 127)).max() <= 0.51
