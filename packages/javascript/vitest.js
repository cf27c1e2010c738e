// For vitest: each test that asks for `elastimock` has a mock in a scope of its own, whose findings fail it.
import { expect, test as base } from 'vitest';
import { beginScope, configure as configureAll, configured, placeOf } from './index.js';

// Without it vitest does not say in which line a test stands; findings point there.
const config = globalThis.__vitest_worker__?.config;
if (config) config.includeTaskLocation = true;

/** What `configure` has said in each file: a process may run several. */
const byFile = new Map();

/** What every test of this file begins with, unless it says otherwise. To be called before the first test. */
export function configure(options) {
  const { testPath } = expect.getState();
  if (testPath) byFile.set(testPath, options);
  else configureAll(options);
}

function nameOf(task) {
  const names = [];
  for (let at = task; at; at = at.suite) names.unshift(at.name);
  return [task.file?.name, ...names].filter((name, at, all) => name && name !== all[at - 1]).join(' > ');
}

/** vitest's test with `elastimock`; `test.extend({ elastimockOptions: { … } })` says what the mock is. */
export const test = base.extend({
  elastimockOptions: [{}, { injected: false }],
  elastimock: async ({ elastimockOptions, task, onTestFinished }, use) => {
    const file = task.file?.filepath;
    const source = file && placeOf(file, task.location?.line, task.name);
    const common = byFile.get(file) ?? configured();
    const { mock, verdict, end } = await beginScope(nameOf(task), elastimockOptions, source, common);
    // Whatever the test's fixtures do when they are taken down has been done by then.
    onTestFinished(async () => {
      const failed = task.result?.state === 'fail';
      try {
        const wrong = await verdict();
        // A test that has skipped itself is skipped only if nothing was found.
        if (wrong && task.result?.pending) task.result.pending = false;
        if (wrong && !failed) throw wrong;
        // The test failed by itself; why may stand there.
        if (wrong) console.error(wrong.message);
      } catch (why) {
        if (!failed) throw why;
        console.error(why.message);
      } finally {
        end();
      }
    });
    await use(mock);
  },
});

export const it = test;
