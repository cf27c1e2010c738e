import type { TestAPI } from 'vitest';
import type { ScopeOptions, Server } from './index.js';

export { configure } from './index.js';

/** vitest's test with `elastimock`; `test.extend({ elastimockOptions: { … } })` says what the mock is. */
export const test: TestAPI<{ elastimock: Server; elastimockOptions: ScopeOptions }>;
export { test as it };
