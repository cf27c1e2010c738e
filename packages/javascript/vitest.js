// For vitest: each test that asks for `elastimock` has a mock in a scope of its own, whose findings fail it.
import { test as base } from 'vitest';
import { beginScope, configure, placeOf } from './index.js';

export { configure };

function nameOf(task) {
  const names = [];
  for (let at = task; at; at = at.suite) names.unshift(at.name);
  return [task.file?.name, ...names].filter((name, at, all) => name && name !== all[at - 1]).join(' > ');
}

/** vitest's test with `elastimock`; `test.extend({ elastimockOptions: { … } })` says what the mock is. */
export const test = base.extend({
  elastimockOptions: [{}, { injected: false }],
  elastimock: async ({ elastimockOptions, task, onTestFinished }, use) => {
    // The line is known if vitest is asked for it (`includeTaskLocation`).
    const source = task.file?.filepath && placeOf(task.file.filepath, task.location?.line, task.name);
    const { mock, verdict, end } = await beginScope(nameOf(task), elastimockOptions, source);
    // Whatever the test's fixtures do when they are taken down has been done by then.
    onTestFinished(async () => {
      try {
        const wrong = await verdict();
        if (wrong && task.result?.state !== 'fail') throw wrong;
        // The test failed by itself; why may stand there.
        if (wrong) console.error(wrong.message);
      } finally {
        end();
      }
    });
    await use(mock);
  },
});

export const it = test;
