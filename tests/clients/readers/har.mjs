// Holds a HAR against the published schema of HAR 1.2: har.mjs MODULES FILE.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [modules, file] = process.argv.slice(2);
const validate = createRequire(`${modules}/`)('har-validator');
const har = JSON.parse(readFileSync(file, 'utf8'));
try {
  await validate.har(har);
} catch (error) {
  throw new Error(JSON.stringify(error.errors ?? String(error)));
}
console.log(har.log.entries.length);
