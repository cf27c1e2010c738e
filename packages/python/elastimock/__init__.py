"""A mock of Elasticsearch's Connector API for contract tests.

``Server`` is one process of it. With pytest the fixture ``elastimock`` is all that a test needs.
"""

from elastimock._binary import binary
from elastimock._server import ElastimockError, Finding, Findings, Server

__all__ = ["ElastimockError", "Finding", "Findings", "Server", "binary"]
