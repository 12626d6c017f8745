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

"""The terms of use of data and of weights that were trained on it."""

from collections.abc import Iterable
from typing import NamedTuple

from swiftnet_ros.model_spec.spec import is_license, MAX_TERMS
from swiftnet_ros.text import safe_text
from training.datasets.base import CachedDataset, ImageLabelDataset
from training.datasets.mixture import ConcatenatedDatasets, MappedDataset

_AND = ' AND '


class Terms(NamedTuple):
    """SPDX identifiers, and what they permit in a sentence; each is empty if it is unknown."""

    license: str = ''  # noqa: A003
    terms: str = ''


def combined_terms(given: Iterable[Terms]) -> Terms:
    """Return the terms of what is made from several sources; no license if one has none."""
    sources = list(dict.fromkeys(given))
    parts = [part for source in sources for part in source.license.split(_AND)]
    # Empty, too, for more identifiers than a specification may hold.
    licenses = _AND.join(dict.fromkeys(parts))
    licenses = licenses if all(parts) and is_license(licenses) else ''
    text = '; '.join(dict.fromkeys(source.terms for source in sources if source.terms))
    return Terms(licenses, safe_text(text, MAX_TERMS))


def terms_of_data(dataset: ImageLabelDataset) -> Terms:
    """Return the terms that the class tables of a dataset state, of all if it has several."""
    if isinstance(dataset, (CachedDataset, MappedDataset)):
        return terms_of_data(dataset.dataset)
    if isinstance(dataset, ConcatenatedDatasets):
        return combined_terms(map(terms_of_data, dataset.datasets))
    return Terms(dataset.table.license, dataset.table.terms)
