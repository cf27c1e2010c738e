// What a user of types writes; tsc reads it.
import elastimock, { ContractError, type Found, type Server, start, withScope } from 'elastimock';
import { test as nodeTest } from 'elastimock/node-test';
import { configure, test } from 'elastimock/vitest';
import { expect } from 'vitest';

configure({ fixtures: 'crm.json', failOn: 'warning' });

test('vitest', async ({ elastimock }) => {
  const found: Found = await elastimock.findings({ scope: 'all' });
  expect(found.counts.error).toBe(0);
});
test.extend({ elastimockOptions: { clock: 'frozen@2031-05-01T10:00:00Z' } })('a clock', async ({ elastimock }) => {
  const now: string = await elastimock.now();
  expect(now).toContain('2031');
});
nodeTest('node:test', { timeout: 1000, elastimock: { allow: { 'job-left-open': 'why' } } }, async (mock, t) => {
  t.diagnostic(mock.url);
});
nodeTest.skip('node:test', async (mock) => void (await mock.now()));
nodeTest.todo('to be written');
nodeTest.only({ elastimock: { failOn: 'warning' } }, (mock) => mock.putState('crm', { connectors: [] }));

const mock: Server = await start({ fixtures: [{ connectors: [] }], args: ['--seed', '7'] });
const code: number = await mock.stop();
const four: number = await withScope('four', { failOn: 'never' }, () => 4);
// @ts-expect-error: there is no such severity
await mock.assertConformant('all');
export const all = [code, four, ContractError, elastimock.start];
