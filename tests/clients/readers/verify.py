"""Lets a verifier of Pact hold a server against a contract: verify.py HOST:PORT FILE."""

import sys

from pact import Verifier

address, file = sys.argv[1:]
host = address.rsplit(":", 1)[0]
verifier = Verifier("elasticsearch", host=host).add_transport(url=f"http://{address}").add_source(file)
# The calls come in the order of the recording, so each finds the state that those before it have left.
verifier.state_handler(lambda *_, **__: None, teardown=False)
verifier.verify()
