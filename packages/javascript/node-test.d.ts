import type { TestContext, TestOptions } from 'node:test';
import type { ScopeOptions, Server } from './index.js';

export { configure } from './index.js';

type Body = (mock: Server, t: TestContext) => void | Promise<void>;
type Options = TestOptions & { elastimock?: ScopeOptions };

interface Define {
  (name: string, body?: Body): Promise<void>;
  (name: string, options: Options, body?: Body): Promise<void>;
  (options: Options, body?: Body): Promise<void>;
  (body: Body): Promise<void>;
}

/** As node:test's, with a mock in a scope of the test's own; `elastimock` says what the mock is. */
export const test: Define & { skip: Define; todo: Define; only: Define };
export { test as it };
export default test;
