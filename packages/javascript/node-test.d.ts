import type { TestContext, TestOptions } from 'node:test';
import type { ScopeOptions, Server } from './index.js';

export { configure } from './index.js';

type Body = (mock: Server, t: TestContext) => void | Promise<void>;

/** As node:test's, with a mock in a scope of the test's own; `elastimock` says what the mock is. */
export function test(name: string, body: Body): Promise<void>;
export function test(name: string, options: TestOptions & { elastimock?: ScopeOptions }, body: Body): Promise<void>;
export { test as it };
export default test;
