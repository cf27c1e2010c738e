"""What a user of types writes; mypy reads it."""

from elastimock import ElastimockError, Findings, Server


def url_of(fixtures: str) -> str:
    with Server(fixtures, args=["--seed", "7"]) as server:
        found: Findings = server.findings(scope="all")
        rules: list[str] = [finding.rule for finding in found if finding.severity == "error"]
        if rules:
            raise ElastimockError(found.text)
        server.assert_conformant(fail_on="warning")
        return server.url
