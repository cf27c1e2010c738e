import type { TestAPI } from 'vitest';
import type { ScopeOptions, Server, StartOptions } from './index.js';

/** What every test of this file begins with, unless it says otherwise. To be called before the first test. */
export function configure(options: StartOptions & Pick<ScopeOptions, 'allow' | 'failOn'>): void;

/** vitest's test with `elastimock`; `test.extend({ elastimockOptions: { … } })` says what the mock is. */
export const test: TestAPI<{ elastimock: Server; elastimockOptions: ScopeOptions }>;
export { test as it };
