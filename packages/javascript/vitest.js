// For vitest: each test that asks for `elastimock` has a mock in a scope of its own, whose findings fail it.
import { test as base } from 'vitest';
import { configure, withScope } from './index.js';

export { configure };

function nameOf(task) {
  const names = [];
  for (let at = task; at; at = at.suite) names.unshift(at.name);
  return [task.file?.name, ...names].filter((name, at, all) => name && name !== all[at - 1]).join(' > ');
}

/** vitest's test with `elastimock`; `test.extend({ elastimockOptions: { … } })` says what the mock is. */
export const test = base.extend({
  elastimockOptions: [{}, { injected: false }],
  elastimock: async ({ elastimockOptions, task }, use) => {
    // A test that has failed by itself is no place for a second failure, but the reason may stand in the report.
    await withScope(nameOf(task), elastimockOptions, async (mock) => {
      await use(mock);
      if (task.result?.state === 'fail') throw new TestFailed();
    }).catch((error) => {
      if (!(error instanceof TestFailed)) throw error;
    });
  },
});

class TestFailed extends Error {}

export const it = test;
