// What is thrown.
import { fileURLToPath } from 'node:url';

/** This package and what called it back, as lines of a stack name them. */
const HERE = [new URL('.', import.meta.url).href, fileURLToPath(new URL('.', import.meta.url)), '(node:internal/'];

/** The mock could not be started, has ended, or refused what it was asked for. */
export class ElastimockError extends Error {
  name = 'ElastimockError';

  constructor(message, options) {
    super(message, options);
    // It points at the line of the test that has asked. Where somebody makes stacks of another kind, they stay as they are.
    if (typeof this.stack !== 'string') return;
    const lines = this.stack.replace(/^Error/, 'ElastimockError').split('\n');
    this.stack = lines.filter((line) => !/^\s+at /.test(line) || !HERE.some((here) => line.includes(here))).join('\n');
  }
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
