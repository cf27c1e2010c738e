// For node:test: each test has a mock in a scope of its own, whose findings fail it.
import { test as base } from 'node:test';
import { calledFrom, configure, withScope } from './index.js';

export { configure };

/** `test(name, options, async (mock, t) => {})`, as node:test has it; `options.elastimock` says what the mock is. */
export function test(name, options, body) {
  if (typeof options === 'function') [options, body] = [{}, options];
  const { elastimock, ...others } = options ?? {};
  const source = calledFrom(name);
  return base(name, others, (t) =>
    withScope(t.fullName ?? t.name, elastimock, (mock) => body(mock, t), (text) => t.diagnostic(text), source));
}

export const it = test;
export default test;
