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

"""The parser of every command: help that ends with an example, completion in the shell."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from inspect import cleandoc
import os
from typing import Any, Optional, Sequence

# Set by the shell functions of argcomplete when Tab is pressed.
COMPLETING = '_ARGCOMPLETE'


class ExampleParser(ArgumentParser):
    """An ArgumentParser whose help ends with an `example`, a whole command line."""

    def __init__(self, prog: str, description: str, example: str) -> None:
        super().__init__(
            prog,
            description=cleandoc(description),
            epilog=f'example:\n  {example}',
            formatter_class=RawDescriptionHelpFormatter,
        )
        self.example = example

    def parse_args(  # type: ignore[override]
        self, args: Optional[Sequence[str]] = None, namespace: Any = None
    ) -> Any:
        """Parse arguments; if the shell asks for completions, print them and exit."""
        complete(self)
        return super().parse_args(args, namespace)


def complete(parser: ArgumentParser) -> None:
    """
    If the shell asks for completions, print those of a parser and end the process.

    Only where argcomplete is installed, which is not imported otherwise.
    """
    if COMPLETING not in os.environ:
        return
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(parser)
