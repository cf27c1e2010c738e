// Looks at the page of one story: `node look.mjs STORY ADDRESS BROWSER MODULES`.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [, , story, address, browser, modules] = process.argv;
const require = createRequire(join(modules, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const pictures = join(modules, 'pictures');
mkdirSync(pictures, { recursive: true });

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
// Its profile is new and empty.
const running = await chromium.launch({ executablePath: browser, headless: true, args: flags });
const context = await running.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
const page = await context.newPage();
const wrong = [];
page.on('pageerror', (error) => wrong.push(error.message));
page.on('console', (message) => { if (message.type() === 'error') wrong.push(message.text()); });

const rows = page.locator('#calls [role=option]');
const selected = () => page.locator('#calls [aria-selected=true] .number').textContent();
const picture = (name) => page.screenshot({ path: join(pictures, `${story.replaceAll(' ', '-')}-${name}.png`) });

/** Nothing that axe finds may be serious, in light and in dark. */
async function accessible(name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await picture(`${name}-${colorScheme}`);
    // Of the two only the colours differ.
    const rules = colorScheme === 'dark' ? { runOnly: ['color-contrast'] } : {};
    const { violations } = await page.evaluate((rules) => window.axe.run({ resultTypes: ['violations'], ...rules }), rules);
    const bad = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
    assert.deepEqual(bad.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ target, failureSummary }) => `${target} ${failureSummary}`)}`), [], `${name}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

const stories = {
  async 'a recorded sync'() {
    // The lanes are there.
    const lanes = await page.locator('.labels .id').allTextContents();
    for (const lane of ['notes', 'EpPoCA1UJWSH7JOPEAB5', 'search-notes']) assert.ok(lanes.includes(lane), `${lanes}`);
    assert.ok((await page.locator('.drawing .span.in_progress').count()) > 0, 'the span in which the job is held');
    assert.ok((await page.locator('.drawing .due').count()) > 0, 'what is due');
    await accessible('timeline');
    // The slider moves the state: before the claim the job waits, after it a worker has it.
    await page.keyboard.press('3');
    const status = page.locator('.documents').first().locator('tbody tr').first().locator('td').first();
    const slider = page.locator('.scrubber input');
    const at = async (call) => {
      await slider.fill(String(call - 1));
      return status.textContent();
    };
    assert.deepEqual([await at(21), await at(22), await at(38)], ['pending', 'in_progress', 'completed']);
    await accessible('state');
    // By the keyboard alone: a finding opens its rule, and the calls are gone through.
    await page.keyboard.press('2');
    await page.keyboard.press('Tab');
    for (let steps = 0; steps < 30 && !(await page.evaluate(() => document.activeElement.matches('.rule-link'))); steps += 1) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const dialog = page.locator('dialog[open]');
    assert.match(await dialog.textContent(), /version-mismatch[\s\S]*What it demands[\s\S]*An example that just keeps it/);
    await accessible('rule');
    await page.keyboard.press('Escape');
    assert.equal(await dialog.count(), 0);
    await accessible('findings');
    await page.keyboard.press('1');
    await page.keyboard.press('Home');
    assert.equal(await selected(), '1');
    await page.keyboard.press('j');
    await page.keyboard.press('n');
    assert.equal(await selected(), '3');
    await page.keyboard.press('/');
    await page.keyboard.type('_claim');
    assert.equal(await rows.count(), 1);
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    assert.equal(await selected(), '22');
    // What the call did, and the way of its job.
    const aside = page.locator('aside');
    assert.match(await aside.textContent(), /worker_hostname/);
    assert.match(await page.locator('.machine').getAttribute('aria-label'), /pending, then in_progress/);
    // It is copied in other words.
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const copied = async (name) => {
      await page.getByRole('button', { name, exact: true }).click();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    assert.match(await copied('curl'), /^curl -sS -g -X PUT .*_claim' /);
    assert.equal(JSON.parse(await copied('stub')).request.operation, 'connector.sync_job_claim');
    assert.match(await copied('scenario'), /^PUT \/_connector\/_sync_job\/EpPoCA1UJWSH7JOPEAB5\/_claim\n\{/);
    assert.match(await copied('Rust'), /Request::new\(Method::Put, "\/_connector/);
    await page.keyboard.press('4');
    assert.ok((await page.locator('.heat .heat-0').count()) > 100);
    await accessible('coverage');
    await page.setViewportSize({ width: 420, height: 900 });
    await page.keyboard.press('1');
    await accessible('narrow');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing hangs over');
  },

  async 'a running mock'() {
    await page.locator('.dot.live').waitFor();
    // Two calls, and the stub that came.
    assert.equal(await rows.count(), 3);
    // What comes is shown without a reload.
    await fetch(new URL('/_connector/crm/_check_in', address), { method: 'PUT' });
    await page.waitForFunction(() => document.querySelectorAll('#calls [role=option]').length === 4);
    assert.equal(await selected(), '4');
    // The clock advances.
    assert.match(await page.locator('.clock').textContent(), /10:00:00\.000/);
    await page.getByRole('button', { name: '+5 min' }).click();
    await page.waitForFunction(() => document.querySelector('.clock').textContent.includes('10:05:00.000'));
    await page.getByRole('button', { name: 'to what is due' }).click();
    await page.waitForFunction(() => document.querySelector('.due-text').textContent.includes('of'));
    // A finding stands at its call.
    await page.keyboard.press('2');
    assert.match(await page.locator('.panel').textContent(), /claim-of-ended-job/);
    await page.keyboard.press('5');
    assert.match(await page.locator('.panel').textContent(), /busy/);
    await accessible('stubs');
    // What a panel shows follows what comes, and who works with the keyboard stays where he is.
    await page.keyboard.press('2');
    for (let steps = 0; steps < 30 && !(await page.evaluate(() => document.activeElement.matches('.rule-link'))); steps += 1) await page.keyboard.press('Tab');
    await fetch(new URL('/_connector/_sync_job/job-completed/_claim', address), { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"worker_hostname":" "}' });
    await page.waitForFunction(() => document.querySelector('.panel').textContent.includes('blank-worker-hostname'));
    assert.ok(await page.evaluate(() => document.activeElement.matches('.rule-link')));
    // A call that is held is seen, and let go by the keyboard.
    const post = (path, body) => fetch(new URL(path, address), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    await post('/_elastimock/stubs', { name: 'gate', request: { operation: 'connector.list' }, response: { hold: 'lists' } });
    const held = fetch(new URL('/_connector', address));
    await page.keyboard.press('6');
    await page.waitForFunction(() => document.querySelector('.panel').textContent.includes('GET /_connector'));
    assert.match(await page.locator('.panel').textContent(), /lists1 call held[\s\S]*What comes next[\s\S]*the heartbeat of job job-pending/);
    assert.equal(await page.locator('#tab-waiting .count').textContent(), '1');
    await accessible('waiting');
    for (let steps = 0; steps < 30 && !(await page.evaluate(() => document.activeElement.textContent === 'release')); steps += 1) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal((await held).status, 200);
    await page.waitForFunction(() => document.querySelector('.panel').textContent.includes('0 calls held'));
    // None of that was a call.
    const { interactions } = await (await fetch(new URL('/_elastimock/journal', address))).json();
    assert.equal(interactions.length, 5);
  },

  async 'markup of a client'() {
    for (const key of ['1', '2', '3', '4', '5', '6']) {
      await page.keyboard.press(key);
      await page.locator('header').hover();
    }
    await page.keyboard.press('1');
    await page.keyboard.press('Home');
    for (let calls = 0; calls < 7; calls += 1) await page.keyboard.press('j');
    await page.keyboard.press('3');
    for (const link of await page.locator('.documents .link').all()) {
      await link.click();
      await page.keyboard.press('Escape');
    }
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    assert.equal(await page.locator('img, #canary').count(), 0);
    assert.match(await page.locator('body').textContent(), /<img src=x/);
    await picture('state');
  },

  async 'ten thousand calls'() {
    const took = await page.evaluate(() => performance.now());
    console.log(`10,000 calls: ${statSync(fileURLToPath(address)).size} bytes, shown ${Math.round(took)} ms after the beginning`);
    assert.ok(took < 20000, `${took} ms`);
    assert.ok((await page.locator('#calls').getByRole('option').count()) < 200, 'only what is in sight is drawn');
    const steps = await page.evaluate(() => {
      const began = performance.now();
      for (let calls = 0; calls < 20; calls += 1) document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', bubbles: true }));
      return performance.now() - began;
    });
    assert.ok(steps < 4000, `20 steps took ${steps} ms`);
    await picture('timeline');
  },
};

try {
  await page.goto(address);
  await page.waitForFunction(() => window.elastimock, null, { timeout: 30000 });
  await page.evaluate(axe).catch(() => page.addScriptTag({ content: axe }));
  await stories[story]();
  assert.deepEqual(wrong, []);
  if (story === 'a recorded sync') {
    // Without a script it is read all the same.
    const still = await (await running.newContext({ javaScriptEnabled: false })).newPage();
    await still.goto(address);
    assert.match(await still.locator('main.plain').textContent(), /37 warnings[\s\S]*version-mismatch[\s\S]*sync job EpPoCA1UJWSH7JOPEAB5/);
  }
} finally {
  await running.close();
}
