// What is thrown.

/** The mock could not be started, has ended, or refused what it was asked for. */
export class ElastimockError extends Error {
  name = 'ElastimockError';
}

/** What a client did wrong; its message is the text report. */
export class ContractError extends Error {
  name = 'ContractError';

  constructor(found) {
    super(found.text);
    this.findings = found.findings;
    // Where it was noticed tells nobody anything.
    this.stack = `${this.name}: ${this.message}`;
  }
}
